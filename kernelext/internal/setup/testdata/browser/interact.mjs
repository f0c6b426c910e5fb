// Opens a notebook with a live what-if in JupyterLab or Notebook 7, moves its
// slider, presses its buttons, and times the answers.
//
// Usage: node interact.mjs JSON, with url, chromium, profile, out, name and ready
// as in smoke.mjs, and moves, how often the slider is moved.
//
// Prints one JSON object: milliseconds until the controls came alive and for each
// move until the picture had changed, and what the cells printed.
import { context, opt, outside, page, problems } from './notebook.mjs';

// Cells are run one by one; the one with the what-if runs until it is told to end.
await page.evaluate(async () => {
  const { commands, shell } = window.jupyterapp;
  shell.currentWidget.content.activeCellIndex = 0;
  await commands.execute('notebook:run-cell');
});
const began = Date.now();
await page.evaluate(() => {
  const { commands, shell } = window.jupyterapp;
  shell.currentWidget.content.activeCellIndex = 1;
  window.ended = commands.execute('notebook:run-cell').then(() => true);
});
const weight = page.locator('.jp-OutputArea-output input[data-part="weight"]');
await weight.waitFor({ timeout: opt.ready });
const shown = Date.now();
await page.waitForFunction(() => {
  const e = document.querySelector('.jp-OutputArea-output input[data-part="weight"]');
  return e && !e.disabled;
}, null, { timeout: opt.ready, polling: 5 });
const alive = Date.now();
await page.waitForTimeout(1500); // the reference curve and the large sample come in
await page.screenshot({ path: `${opt.out}/${opt.name}-live.png` });

const numbers = () => page.evaluate(() => [...document.querySelectorAll('.jp-OutputArea-output table')].map(e => e.innerText).join('\n'));
const before = await numbers();
const times = [];
for (let i = 0; i < opt.moves; i++) {
  times.push(await page.evaluate(async step => {
    const pictures = () => [...document.querySelectorAll('.jp-OutputArea-output img')].map(e => e.src).join(' ');
    const input = document.querySelector('.jp-OutputArea-output input[data-part="weight"]');
    const was = pictures();
    const widths = input.max - 1; // the last stop is float
    input.value = String((+input.value + 1 + step % 3) % widths);
    const start = performance.now();
    input.dispatchEvent(new Event('input', { bubbles: true }));
    return await new Promise((yes, no) => {
      const late = setTimeout(() => no(new Error('the picture did not change')), 10000);
      const look = () => {
        const now = pictures();
        if (now && now !== was) {
          clearTimeout(late);
          yes(performance.now() - start);
        } else setTimeout(look, 1);
      };
      look();
    });
  }, i));
  await page.waitForTimeout(opt.rest);
}
await page.evaluate(() => {
  const input = document.querySelector('.jp-OutputArea-output input[data-part="weight"]');
  input.value = '2'; // 3 bits
  input.dispatchEvent(new Event('input', { bubbles: true }));
});
await page.waitForTimeout(1200);
const after = await numbers();
await page.screenshot({ path: `${opt.out}/${opt.name}-moved.png` });
await page.locator('button[data-part="take"]').click();
await page.waitForFunction(() => /taken over/.test(document.querySelector('[data-part="status"]')?.textContent), null, { timeout: 10000 });
await page.locator('button[data-part="done"]').click();
await page.evaluate(() => window.ended);
await page.evaluate(async () => {
  const { commands, shell } = window.jupyterapp;
  shell.currentWidget.content.activeCellIndex = 2;
  await commands.execute('notebook:run-cell');
});
await page.screenshot({ path: `${opt.out}/${opt.name}-ended.png` });
const cells = await page.evaluate(() => window.jupyterapp.shell.currentWidget.content.model.toJSON().cells.map(c => ({
  text: c.outputs.map(o => [].concat(o.text ?? o.data?.['text/plain'] ?? o.evalue).join('')).join(''),
  html: c.outputs.map(o => [].concat(o.data?.['text/html'] ?? '').join('')).join(''),
  kinds: c.outputs.map(o => Object.keys(o.data ?? {})),
})));
await context.close();
console.log(JSON.stringify({ shown: shown - began, alive: alive - shown, times, before, after, cells, outside, problems }));
