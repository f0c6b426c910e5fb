// Opens a notebook in JupyterLab or Notebook 7 for the programs beside this file.
import { createRequire } from 'node:module';
import path from 'node:path';

// The library lies in a cache folder, not beside this file.
const require = createRequire(path.join(process.env.QUANTNB_PLAYWRIGHT, 'package.json'));
const { chromium } = require('playwright-core');

// opt is the program's argument: url of the page that shows the notebook, chromium,
// the browser's path, profile, a new folder for it, out and name for screenshots,
// and ready, the milliseconds until the notebook must be there.
export const opt = JSON.parse(process.argv[2]);
export const context = await chromium.launchPersistentContext(opt.profile, {
  executablePath: opt.chromium,
  headless: true,
  viewport: { width: 1200, height: 900 },
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

// Requests that went anywhere but to this machine, and errors of the page.
export const outside = [];
export const problems = [];
await context.route('**/*', route => {
  const url = new URL(route.request().url());
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (local || !/^(https?|wss?):$/.test(url.protocol)) return route.continue();
  outside.push(url.href);
  return route.abort();
});

export const page = context.pages()[0] ?? await context.newPage();
page.on('pageerror', e => problems.push(String(e)));
await page.goto(opt.url, { waitUntil: 'domcontentloaded' });
const ready = page.waitForFunction(() => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  return panel?.content?.model?.cells && panel.context.isReady &&
    panel.sessionContext.session?.kernel?.connectionStatus === 'connected';
}, null, { timeout: opt.ready ?? 120000 });
try {
  await ready;
} catch (e) {
  const state = await page.evaluate(() => ({
    app: !!window.jupyterapp,
    widget: window.jupyterapp?.shell?.currentWidget?.id,
    ready: window.jupyterapp?.shell?.currentWidget?.context?.isReady,
    kernel: window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status,
    connection: window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.connectionStatus,
    text: document.body.innerText.slice(0, 500),
  }));
  await page.screenshot({ path: `${opt.out}/${opt.name}-not-ready.png` });
  throw new Error(`the notebook did not become ready: ${JSON.stringify({ state, problems, outside })}`, { cause: e });
}
