// Opens an exported page from disk and reports what it asks for and draws.
//
// Usage: node export.mjs JSON, with url (file://…), chromium, profile, out, name.
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.QUANTNB_PLAYWRIGHT, 'package.json'));
const { chromium } = require('playwright-core');

const opt = JSON.parse(process.argv[2]);
const context = await chromium.launchPersistentContext(opt.profile, {
  executablePath: opt.chromium,
  headless: true,
  viewport: { width: 1200, height: 900 },
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
const outside = [];
await context.route('**/*', route => {
  const url = route.request().url();
  if (/^(file|data|blob|about):/.test(url)) return route.continue();
  outside.push(url);
  return route.abort();
});
const page = context.pages()[0] ?? await context.newPage();
const refused = [];
page.on('console', m => { if (/Content Security Policy/.test(m.text())) refused.push(m.text()); });
await page.goto(opt.url, { waitUntil: 'load' });
await page.waitForTimeout(1000);
const drawn = await page.evaluate(() => {
  const img = [...document.querySelectorAll('img')];
  return {
    img: img.length,
    broken: img.filter(e => e.complete && e.naturalWidth === 0).length,
    alt: img.filter(e => (e.alt || '').length > 20).length,
    attacked: String(window.attacked ?? ''),
  };
});
await page.screenshot({ path: `${opt.out}/${opt.name}.png` });
await context.close();
console.log(JSON.stringify({ ...drawn, outside, refused }));
