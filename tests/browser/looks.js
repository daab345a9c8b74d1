/* What is wrong with how the page looks now, as sentences; an empty list when nothing is. Given to the browser by test_wall.py. */
(() => {
  const found = [];
  const phone = innerWidth <= 700;
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) found.push(`the page is ${root.scrollWidth} px wide on ${innerWidth}`);
  if (!phone && root.scrollHeight > innerHeight) found.push(`the page is ${root.scrollHeight} px high on ${innerHeight}`);
  const name = (element) => `${element.tagName}.${element.className} "${(element.textContent ?? "").slice(0, 40)}"`;
  const inView = (element) => element.offsetParent !== null && element.getBoundingClientRect().width > 0;
  const cuts = (element) => { const style = getComputedStyle(element); return style.textOverflow === "ellipsis" && style.overflowX !== "visible"; };

  /* No text is cut off, unless a box around it ends it with an ellipsis. */
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !inView(element) || element.closest("svg, .u-wrap, .skip, .tip") || (phone && element.closest("nav"))) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const text = range.getBoundingClientRect();
    let ended = false;
    for (let box = element; !ended && box && box !== document.body; box = box.parentElement) {
      ended = cuts(box);
      if (ended) break;
      const edge = box.getBoundingClientRect();
      const holds = getComputedStyle(box).overflowX !== "visible" || box.matches(".tile, .card, header, footer, .popups article");
      if (holds && (text.right > edge.right + 1 || text.left < edge.left - 1)) found.push(`${name(element)} is cut off by ${name(box)}`);
      if (holds && !box.matches(".rows") && text.bottom > edge.bottom + 1) found.push(`${name(element)} hangs out of ${name(box)}`);
    }
    if (!phone && !ended && !element.closest(".rows") && (text.right > innerWidth + 1 || text.bottom > innerHeight + 1)) found.push(`${name(element)} reaches out of the screen`);
  }

  /* A figure is never cut, not even with an ellipsis: what is left of it would be another figure. */
  for (const cell of document.querySelectorAll("td.figure, td.time, td.step, .tile .figure, .tile h2")) {
    if (inView(cell) && cell.scrollWidth > cell.clientWidth + 1) found.push(`${name(cell)} is wider than its place`);
  }

  /* Neighbours do not lie over one another. */
  for (const parent of [document.body, ...document.querySelectorAll("header, nav, main, .board, .tiles, .halves, .aside, .column, .stack, .charts, .tile, .tile h2, .card > h2, .legend, footer, thead tr, tbody tr")]) {
    const boxes = [...parent.children].filter((child) => inView(child) && !["fixed", "absolute"].includes(getComputedStyle(child).position)).map((child) => [child, child.getBoundingClientRect()]);
    boxes.forEach(([one, a], n) => boxes.slice(n + 1).forEach(([other, b]) => {
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1) found.push(`${name(one)} lies over ${name(other)}`);
    }));
  }

  /* On a wall only whole rows are shown. */
  if (!phone) for (const rows of document.querySelectorAll(".rows")) {
    const bottom = rows.getBoundingClientRect().bottom + 1;
    for (const row of rows.querySelectorAll("tbody tr")) if (row.getBoundingClientRect().bottom > bottom) found.push(`${name(row)} is cut off`);
  }
  return [...new Set(found)].slice(0, 12);
})()
