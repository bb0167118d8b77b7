// Answers everything on the page of a form that has no answer yet, as a quick
// person would; says what it could not answer.
async () => {
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  const until = async (holds, ms = 6000) => {
    for (let waited = 0; waited < ms && !holds(); waited += 20) await sleep(20);
    return holds();
  };
  const set = (field, value) => {
    const kind = field instanceof HTMLTextAreaElement ? HTMLTextAreaElement
      : field instanceof HTMLSelectElement ? HTMLSelectElement : HTMLInputElement;
    field.focus();
    Object.getOwnPropertyDescriptor(kind.prototype, 'value').set.call(field, value);
    for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, { bubbles: true }));
    field.blur();
  };
  const stroke = (canvas) => {
    const box = canvas.getBoundingClientRect();
    const at = (x, y, kind) => canvas.dispatchEvent(new PointerEvent(kind, {
      bubbles: true, cancelable: true, pointerId: 1, clientX: box.left + box.width * x, clientY: box.top + box.height * y,
    }));
    at(0.2, 0.7, 'pointerdown');
    for (const [x, y] of [[0.35, 0.3], [0.5, 0.7], [0.65, 0.3], [0.8, 0.6]]) at(x, y, 'pointermove');
    at(0.8, 0.6, 'pointerup');
  };
  const one = async (question) => {
    const find = (selector) => question.querySelector(selector);
    const all = (selector) => Array.from(question.querySelectorAll(selector));
    // What is computed, and words of choices alone.
    if (find('.question__value, .lone-head')) return true;
    const checked = all('input[type=radio], input[type=checkbox]');
    if (checked.length > 0) {
      if (!checked.some((box) => box.checked)) checked[0].click();
      return true;
    }
    if (find('.picker')) {
      find('.picker').click();
      await until(() => document.querySelector('dialog[open] .picker__list .row'), 1500);
      const row = document.querySelector('dialog[open] .picker__list .row');
      if (row) row.click();
      await sleep(50);
      const close = document.querySelector('dialog[open] .dialog__head .icon-button');
      if (close) close.click();
      return row !== null;
    }
    if (find('.rank')) { find('.cluster .button')?.click(); return true; }
    if (find('.range')) { all('.range .icon-button').at(-1).click(); return true; }
    if (find('.figures')) {
      const fields = all('.figures input');
      ['1956', '7', '15'].forEach((value, at) => fields[at] && set(fields[at], value));
      return true;
    }
    if (find('select')) { set(find('select'), find('select').options[1].value); return true; }
    if (find('.place')) {
      const times = find('.track') ? 3 : 1;
      for (let count = 0; count < times; count += 1) {
        const there = () => find('.track') ? all('.track__point').length > count : find('.place__measured');
        find('.place .cluster .button').click();
        if (!await until(there)) return false;
      }
      return true;
    }
    if (find('.picture') && !find('.picture input')) {
      find('.picture .button').click();
      if (!await until(() => document.querySelector('dialog[open] canvas'), 2000)) return false;
      await sleep(50);
      stroke(document.querySelector('dialog[open] canvas'));
      const done = () => document.querySelector('dialog[open] .dialog__actions .button--primary:not([disabled])');
      if (!await until(done, 2000)) return false;
      done().click();
      return until(() => !document.querySelector('dialog[open]'));
    }
    if (find('input[type=file]')) return true;
    const field = find('input, textarea');
    if (!field) return false;
    if (field.value !== '') return true;
    const values = { date: '2026-11-20', time: '09:30', 'datetime-local': '2026-11-20T09:30', password: '6222000011112222' };
    const keyboards = { numeric: '1', decimal: '1', url: 'https://example.org/policy' };
    set(field, values[field.type] ?? keyboards[field.inputMode] ?? '示例');
    return true;
  };
  const failed = [];
  const tried = new Set();
  // Answers bring questions.
  for (let pass = 0; pass < 12; pass += 1) {
    const fresh = Array.from(document.querySelectorAll('.question[data-path]')).filter((q) => !tried.has(q.dataset.path));
    if (fresh.length === 0) break;
    for (const question of fresh) {
      tried.add(question.dataset.path);
      if (!question.isConnected) continue;
      let told = '';
      const done = await one(question).catch((error) => { told = String(error); return false; });
      if (!done) failed.push(question.dataset.path + ' ' + told);
    }
    await until(() => !/正在保存|Saving/.test(document.querySelector('.fill__progress').innerText));
  }
  const files = Array.from(document.querySelectorAll('.question[data-path]'))
    .filter((q) => q.querySelector('input[type=file]') && !q.querySelector('img, audio, video, .picture__elsewhere'))
    .map((q) => [q.dataset.path, q.querySelector('input[type=file]').accept]);
  const unsupported = document.body.innerText.includes('还不能填这种问题');
  return { failed, files, unsupported };
}
