// What nobody should be shown: targets too small for a thumb, words that are
// broken or cut, words over words.
() => {
  const TARGET = 47.5;
  const wrong = [];
  const shown = (element) => {
    if (element.closest('details:not([open])') && !element.closest('summary')) return false;
    if (element.closest('.unseen, [hidden]') || getComputedStyle(element).visibility !== 'visible') return false;
    return element.getClientRects().length > 0;
  };
  // Read by ears only.
  const heard = (element) => {
    for (let at = element; at; at = at.parentElement) if (getComputedStyle(at).clipPath !== 'none') return true;
    return false;
  };
  // What of a box can be seen of what scrolls.
  const within = (element, box) => {
    let { left, right, top, bottom } = box;
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      if (getComputedStyle(at).overflowY === 'visible') continue;
      const edges = at.getBoundingClientRect();
      [left, right] = [Math.max(left, edges.left), Math.min(right, edges.right)];
      [top, bottom] = [Math.max(top, edges.top), Math.min(bottom, edges.bottom)];
    }
    return right > left && bottom > top ? { left, right, top, bottom, height: bottom - top } : null;
  };
  const about = (element) => {
    const words = (element.innerText || element.getAttribute('aria-label') || '').trim().slice(0, 40);
    return `${element.tagName.toLowerCase()}.${element.className} “${words}”`;
  };
  for (const element of document.querySelectorAll('button, a[href], summary, input, select, textarea')) {
    if (!shown(element) && element.type !== 'file') continue;
    // A link in a sentence is as high as the sentence.
    if (element.matches('p a, li a:not(.row)')) continue;
    const box = (element.closest('label') ?? element).getBoundingClientRect();
    if (box.width === 0) continue;
    if (box.width < TARGET || box.height < TARGET) {
      wrong.push(`too small to press, ${Math.round(box.width)} × ${Math.round(box.height)}: ${about(element)}`);
    }
  }
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, around = node.parentElement;
    if (!node.data.trim() || !shown(around) || heard(around) || around.closest('script, style, noscript')) continue;
    const range = document.createRange();
    for (const word of node.data.matchAll(/[A-Za-z]{2,20}/g)) {
      // An address has to break somewhere.
      if (node.data.includes('://')) break;
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const tops = Array.from(range.getClientRects(), (box) => Math.round(box.top));
      if (new Set(tops).size > 1) wrong.push(`broken word “${word[0]}” in ${about(around)}`);
    }
    // Bars that stay while the page moves lie over it on purpose.
    if (around.closest('.page__bar, .actions, .nav, nav, .strip')) continue;
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      const visible = within(around, box);
      if (visible) texts.push({ node, around, box: visible });
    }
  }
  for (const element of document.querySelectorAll('body *')) {
    const style = getComputedStyle(element);
    const hides = style.overflowX === 'hidden' || style.overflowX === 'clip';
    if (hides && shown(element) && !heard(element) && element.innerText?.trim() && style.textOverflow !== 'ellipsis') {
      if (element.scrollWidth > element.clientWidth + 1) wrong.push(`cut: ${about(element)}`);
    }
  }
  const dialog = document.querySelector('dialog[open]');
  const seen = texts.filter(({ around }) => !dialog || dialog.contains(around));
  for (let one = 0; one < seen.length; one += 1) {
    for (let other = one + 1; other < seen.length; other += 1) {
      const [left, right] = [seen[one], seen[other]];
      if (left.node === right.node) continue;
      const wide = Math.min(left.box.right, right.box.right) - Math.max(left.box.left, right.box.left);
      const high = Math.min(left.box.bottom, right.box.bottom) - Math.max(left.box.top, right.box.top);
      // Boxes of lines are a little higher than their letters.
      if (wide > 2 && high > Math.min(left.box.height, right.box.height) * 0.4) {
        wrong.push(`words over words: ${about(left.around)} and ${about(right.around)}`);
      }
    }
  }
  return Array.from(new Set(wrong));
}
