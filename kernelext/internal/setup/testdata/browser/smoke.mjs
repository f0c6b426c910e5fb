// Opens one notebook in JupyterLab or Notebook 7, runs all cells, waits until
// they have run, counts the pictures that the browser has drawn, and saves
// screenshots in the light and the dark theme.
//
// Usage: node smoke.mjs JSON, with
//   url       address of the page that shows the notebook, with its token
//   chromium  path of the browser
//   profile   a new folder for the browser's profile
//   out       folder for screenshots
//   name      start of their names
//   timeout   milliseconds for all cells
//
// Prints one JSON object: what the notebook's model holds, what is drawn, and
// every request that went anywhere but to this machine.
import { context, opt, outside, page, problems } from './notebook.mjs';

// As it was opened: with the outputs that the file has, which this user has not
// run and Jupyter therefore does not trust.
await grow();
const opened = await page.evaluate(() => ({
  svg: document.querySelectorAll('.jp-OutputArea-output .jp-RenderedSVG, .jp-OutputArea-output.jp-RenderedSVG').length,
  img: document.querySelectorAll('.jp-OutputArea-output .jp-RenderedImage img, .jp-OutputArea-output.jp-RenderedImage img').length,
}));
await page.screenshot({ path: `${opt.out}/${opt.name}-opened.png` });
await page.setViewportSize({ width: 1200, height: 900 });

// The command's promise ends when the last cell has run, or the first has failed.
const start = Date.now();
await page.evaluate(async timeout => {
  const app = window.jupyterapp;
  const late = new Promise((_, no) => setTimeout(() => no(new Error('cells did not finish in time')), timeout));
  // A live what-if waits for a person, who says that it is done.
  const person = setInterval(() => document.querySelectorAll('button[data-part="done"]:not([disabled])').forEach(b => b.click()), 1000);
  await Promise.race([app.commands.execute('notebook:run-all-cells'), late]);
  clearInterval(person);
}, opt.timeout);
const seconds = (Date.now() - start) / 1000;

// What ought to be there, according to the notebook itself.
const model = await page.evaluate(() => {
  const nb = window.jupyterapp.shell.currentWidget.content.model.toJSON();
  const code = nb.cells.filter(c => c.cell_type === 'code' && [].concat(c.source).join('').trim() !== '');
  const outputs = code.flatMap(c => c.outputs);
  return {
    code: code.length,
    ran: code.filter(c => c.execution_count !== null).length,
    images: outputs.filter(o => Object.keys(o.data ?? {}).some(k => k.startsWith('image/'))).length,
    errors: outputs.filter(o => o.output_type === 'error').map(o => o.evalue),
  };
});

// A page as tall as the notebook draws every cell at once; then back to its top.
async function grow() {
  for (let i = 0; i < 3; i++) {
    const height = await page.evaluate(() => {
      const cells = [...window.jupyterapp.shell.currentWidget.content.node.querySelectorAll('.jp-Cell')];
      for (let e = cells[0]; e; e = e.parentElement) e.scrollTop = 0;
      const bottom = Math.max(...cells.map(c => c.getBoundingClientRect().bottom));
      return Math.ceil(bottom) + 120;
    });
    await page.setViewportSize({ width: 1200, height: Math.min(Math.max(height, 900), 16000) });
    await page.waitForTimeout(700);
  }
}

const count = () => page.evaluate(() => {
  const seen = sel => [...document.querySelectorAll('.jp-OutputArea-output ' + sel)].filter(e => {
    const r = e.getBoundingClientRect();
    return r.width > 0 && r.height > 0;
  });
  const img = seen('img');
  return {
    img: img.filter(e => e.complete && e.naturalWidth > 0).length,
    broken: img.filter(e => e.complete && e.naturalWidth === 0).length,
    svg: seen('svg').length,
  };
});

// What a script that came in by a name would have left behind.
const attacked = await page.evaluate(() => String(window.attacked ?? ''));
// First as a person sees it, then all of it.
await page.screenshot({ path: `${opt.out}/${opt.name}-first-screen.png` });
await grow();
const drawn = await count();
const themes = [['light', 'JupyterLab Light'], ['dark', 'JupyterLab Dark']];
const shots = [];
for (const [short, theme] of themes) {
  await page.evaluate(t => window.jupyterapp.commands.execute('apputils:change-theme', { theme: t }), theme);
  await page.waitForFunction(l => document.body.dataset.jpThemeLight === l, String(short === 'light'), { timeout: 30000 });
  await page.waitForTimeout(500);
  const shot = `${opt.out}/${opt.name}-${short}.png`;
  await page.screenshot({ path: shot });
  shots.push(shot);
}
await context.close();
console.log(JSON.stringify({ seconds, model, opened, drawn, shots, outside, problems, attacked }));
