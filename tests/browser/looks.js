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

  /* Text that is wider than its box is cut with an ellipsis, by the box or by one around it. */
  for (const element of document.querySelectorAll("header *, main *, footer *")) {
    if (!inView(element) || element.closest("svg, .u-wrap, .skip") || (phone && element.closest("nav"))) continue;
    const box = element.getBoundingClientRect();
    if (!phone && (box.right > innerWidth + 1 || box.bottom > innerHeight + 1) && !element.closest("td, .rows")) found.push(`${name(element)} reaches out of the screen`);
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!hasText) continue;
    let holder = element;
    while (holder && !cuts(holder) && holder.tagName !== "MAIN") holder = holder.parentElement;
    if (holder && cuts(holder)) continue;
    const card = element.closest(".tile, .card, header, footer");
    const outer = card?.getBoundingClientRect();
    if (outer && box.right > outer.right + 1) found.push(`${name(element)} reaches out of ${name(card)}`);
    if (outer && box.bottom > outer.bottom + 1 && !element.closest(".rows")) found.push(`${name(element)} hangs out of ${name(card)}`);
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
