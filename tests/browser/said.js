/* Every text that the page shows or reads out, but for names from outside, which are marked as not to be translated. */
(() => {
  const found = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (element.closest("[translate=no], script, style, .u-wrap")) continue;
    if (node.nodeType === Node.TEXT_NODE) found.push(node.textContent);
    else for (const attribute of ["aria-label", "title"]) if (element.hasAttribute(attribute)) found.push(element.getAttribute(attribute));
  }
  return [...new Set(found.map((text) => text.trim()).filter(Boolean))];
})()
