// node take.mjs GRAFANA-URL FOLDER: opens the dashboards in a browser and saves pictures of the dashboards. The program ends with
// an error if a panel is not drawn, has no data or shows an error. The program also makes pictures of the terminal's text in
// FOLDER. pipeline.pl runs this program.
import { readFileSync } from 'node:fs';
import Convert from 'ansi-to-html';
import { chromium } from 'playwright-core';

const [url, folder] = process.argv.slice(2);
const width = 1400;
const deadline = 90_000;

async function reachable() {
  const end = Date.now() + deadline;
  for (;;) {
    try {
      if ((await fetch(`${url}/api/health`)).ok) return;
    } catch {
      // Grafana does not answer yet
    }
    if (Date.now() > end) throw new Error('Grafana does not answer');
    await new Promise((done) => setTimeout(done, 500));
  }
}

const authorization = `Basic ${Buffer.from('admin:admin').toString('base64')}`;
async function dashboard(uid) {
  const answer = await fetch(`${url}/api/dashboards/uid/${uid}`, { headers: { authorization } });
  if (!answer.ok) throw new Error(`${uid}: ${answer.status}`);
  return (await answer.json()).dashboard;
}

// For each type of panel: if this element is visible, the panel is drawn. In a table, the first row is the head, so the second
// row must be visible.
const drawing = { timeseries: 'canvas', barchart: 'canvas', 'state-timeline': 'canvas', table: '[role="row"] >> nth=1', stat: 'span', bargauge: 'span' };

// Checks that all panels of the dashboard are on the page, have data and show no error.
async function look(page, { title, panels }) {
  for (const panel of panels) {
    const box = page.getByTestId(`data-testid Panel header ${panel.title}`);
    await box.waitFor({ timeout: deadline });
    const content = box.getByTestId('data-testid panel content');
    await content.locator(drawing[panel.type]).first().waitFor({ timeout: deadline });
    const nothing = panel.type === 'table' ? 'No data' : (panel.fieldConfig.defaults.noValue ?? 'No data');
    if (await content.getByText(nothing, { exact: true }).count()) throw new Error(`${title}, ${panel.title}: no data`);
    if (await box.getByTestId('data-testid Panel status error').count()) throw new Error(`${title}, ${panel.title}: an error`);
    if (await box.getByText('An unexpected error happened').count()) throw new Error(`${title}, ${panel.title}: it could not be drawn`);
  }
}

// Waits until the page does not change any more.
async function still(page) {
  const end = Date.now() + deadline;
  for (let before = null, now; Date.now() < end; before = now) {
    now = await page.screenshot();
    if (before?.equals(now)) return;
  }
  throw new Error('the page does not come to rest');
}

// Checks that the link of a customer leads to this customer, even if the customer's name has unusual characters.
async function followable(page) {
  const links = await page.locator('a[href*="var-customer="]').all();
  if (links.length === 0) throw new Error('no customer has a link');
  for (const link of links) {
    const [name, href] = [await link.textContent(), await link.getAttribute('href')];
    const customer = new URL(href, url).searchParams.get('var-customer');
    if (customer !== name) throw new Error(`the link of ${name} leads to ${customer}: ${href}`);
  }
}

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
await reachable();
for (const theme of ['light', 'dark']) {
  const page = await browser.newPage({ viewport: { width, height: 1000 }, extraHTTPHeaders: { authorization }, colorScheme: theme });
  const faults = [];
  page.on('response', (response) => {
    if (response.url().includes('/api/ds/query') && response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
  });
  for (const uid of ['heartbeat-heartbeats', 'heartbeat-pipeline']) {
    const it = await dashboard(uid);
    const rows = Math.max(...it.panels.map((panel) => panel.gridPos.y + panel.gridPos.h));
    await page.setViewportSize({ width, height: rows * 38 + 75 }); // the whole dashboard, so that every panel is drawn
    await page.goto(`${url}/d/${uid}?kiosk&refresh=&theme=${theme}&timezone=utc`, { waitUntil: 'domcontentloaded' });
    await look(page, it);
    await page.waitForLoadState('networkidle');
    await still(page);
    await look(page, it);
    if (uid === 'heartbeat-heartbeats') await followable(page);
    await page.screenshot({ path: `${folder}/pictures/${it.title.toLowerCase()}-${theme}.png` });
    console.log(`${it.title}, ${theme}: ${it.panels.length} panels drawn`);
  }
  if (faults.length) throw new Error(faults.join('\n'));
  await page.close();
}

const colors = { light: ['#1f2328', '#ffffff'], dark: ['#e6edf3', '#0d1117'] };
for (const [name, file] of [['demo', 'demo.txt'], ['status', 'status.txt']]) {
  const text = readFileSync(`${folder}/${file}`, 'utf8').trimEnd();
  for (const [theme, [foreground, background]] of Object.entries(colors)) {
    const html = new Convert({ fg: foreground, bg: background, escapeXML: true }).toHtml(text);
    const page = await browser.newPage({ viewport: { width: 1000, height: 100 } });
    await page.setContent(`<body style="margin:0;background:${background};color:${foreground}">
      <pre style="display:inline-block;margin:0;padding:16px 20px;font:13px/1.35 'DejaVu Sans Mono',monospace">${html}</pre>`);
    await page.locator('pre').screenshot({ path: `${folder}/pictures/${name}-${theme}.png` });
    await page.close();
  }
}
await browser.close();
