// The report in a real browser: node --test tests/report (scripts/test_browser prepares it).
//   MOESIM          the program
//   MOESIM_PAGES    a folder for the pages and pictures made here
//   CHROMIUM        the browser, /usr/bin/chromium by default
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {chromium} from 'playwright-core';

const program = process.env.MOESIM;
const folder = process.env.MOESIM_PAGES;
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let browser;
const pages = {};

function moesim(...words) {
  return execFileSync(program, words, {encoding: 'utf8', env: {...process.env, MOESIM_RUNS_DIR: path.join(folder, 'runs')},
                                       stdio: ['ignore', 'pipe', 'ignore']});
}

// float32 [rows, columns] as numpy.save writes it.
function writeNumbers(file, rows) {
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows.length}, ${rows[0].length}), }`;
  const head = Buffer.concat([Buffer.from([0x93]), Buffer.from('NUMPY'), Buffer.from([1, 0, 118, 0]),
                              Buffer.from(dictionary.padEnd(117) + '\n')]);
  fs.writeFileSync(file, Buffer.concat([head, Buffer.from(Float32Array.from(rows.flat()).buffer)]));
}

before(async () => {
  fs.rmSync(folder, {recursive: true, force: true});
  fs.mkdirSync(folder, {recursive: true});
  const quick = ['--set', 'measure.budget_s=0.2', '--set', 'measure.min_samples=5'];
  moesim('run', 'quickstart', ...quick);
  moesim('run', 'quickstart', '--set', 'layer.num_layers=3', '--set', 'router.top_k=1', ...quick);
  moesim('sweep', 'quickstart', '-p', 'layer.num_experts=4,8', '-p', 'router.top_k=1,2,4', ...quick);
  const runs = fs.readdirSync(path.join(folder, 'runs')).map((name) => path.join(folder, 'runs', name));
  const stored = runs.filter((run) => fs.existsSync(path.join(run, 'resolved.yaml')));
  const sweep = runs.find((run) => !fs.existsSync(path.join(run, 'resolved.yaml')));
  const layers = (run) => /num_layers: 3/.test(fs.readFileSync(path.join(run, 'resolved.yaml'), 'utf8'));
  pages.run = moesim('report', stored.find((run) => !layers(run))).trim();
  pages.layers = moesim('report', stored.find(layers)).trim();
  pages.sweep = moesim('report', sweep).trim();
  pages.compare = moesim('report', ...stored, '--file', path.join(folder, 'compare.html')).trim();
  for (const live of ['balance', 'live', 'route']) { pages[live] = path.join(folder, `${live}.html`); }
  moesim('balance', 'balance_controllers', '--set', 'balance.steps=60', '--report', pages.balance);
  moesim('compare', 'quickstart', '--set-b', 'router.top_k=1', '--budget', '0.5', '--report', pages.live);
  const numbers = (name, rows, value) => {
    const file = path.join(folder, name);
    writeNumbers(file, Array.from({length: rows}, (_, t) => Array.from({length: 16}, (_, e) => value(t, e))));
    return file;
  };
  moesim('route', '--preset', 'deepseek_v3', '--set', 'router.top_k=4', '--logits', numbers('logits.npy', 64, (t, e) => Math.sin(1 + 7 * t + e * e)),
         '--bias', numbers('bias.npy', 1, () => -0.62), '--diff', 'deepseek_v3_zero_fill', '--report', pages.route);
  browser = await chromium.launch({executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox']});
});
after(async () => { await browser?.close(); });

// The page, with everything that went wrong in it.
async function open(file, options = {}) {
  const context = await browser.newContext({viewport: {width: 1100, height: 900}, ...options});
  const page = await context.newPage();
  const problems = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) { problems.push(message.text()); } });
  page.on('pageerror', (error) => problems.push(error.stack));
  page.on('request', (request) => { if (!/^(file|data|blob):/.test(request.url())) { problems.push(`asked for ${request.url()}`); } });
  await page.goto('file://' + path.resolve(file));
  return {page, problems};
}

// page.waitForFunction would need eval, which the page's policy forbids.
async function until(page, condition, argument) {
  for (let i = 0; i < 400; ++i) {
    if (await page.evaluate(condition, argument)) { return; }
    await page.waitForTimeout(50);
  }
  assert.fail(`never: ${condition}`);
}
const drawn = (page) => until(
    page, () => document.querySelectorAll('.chart').length === document.querySelectorAll('.chart[data-drawn]').length);

test('every page draws all its charts, without an error and without a request', async () => {
  for (const [name, file] of Object.entries(pages)) {
    const {page, problems} = await open(file);
    await drawn(page);
    const charts = await page.$$eval('.chart', (places) => places.map((place) => ({
      shapes: place.querySelectorAll('svg path').length, series: Number(place.dataset.drawn)})));
    assert.ok(charts.length >= 2, `${name} has ${charts.length} charts`);
    for (const chart of charts) {
      assert.ok(chart.series > 0 && chart.shapes > 3, `${name}: ${JSON.stringify(chart)}`);
    }
    assert.deepEqual(problems, [], name);
    await page.context().close();
  }
});

test('a chart has as many series as its description', async () => {
  const {page} = await open(pages.run);
  await drawn(page);
  const counts = await page.evaluate(() => JSON.parse(document.getElementById('charts').textContent).map((chart) => [
    JSON.parse(chart.views[0].option).series.length,
    Number(document.querySelector(`#${chart.id} .chart`).dataset.drawn)]));
  for (const [described, shown] of counts) { assert.equal(shown, described); }
});

test('choosing a layer changes the chart', async () => {
  const {page} = await open(pages.layers);
  await drawn(page);
  const picture = () => page.$eval('#load .chart svg', (svg) => svg.outerHTML);
  const first = await picture();
  await page.selectOption('#load select', {label: 'layer 2, by id'});
  assert.notEqual(await picture(), first);
});

test('choosing a layer colours the words by its experts', async () => {
  const {page} = await open(pages.layers);
  const words = () => page.$$eval('.passage .t', (all) => all.map((word) => [word.className, word.title, word.textContent]));
  const first = await words();
  await page.selectOption('#words-layer', {label: '2'});
  const last = await words();
  assert.equal(last.length, first.length);
  assert.notDeepEqual(last, first);
  await page.selectOption('#words-layer', {label: '0'});
  assert.deepEqual(await words(), first);
});

test('brushing an axis filters the table and the other charts, and letting go brings all back', async () => {
  const {page, problems} = await open(pages.sweep);
  await drawn(page);
  const shown = () => page.$$eval('tr[data-point]:not([hidden])', (rows) => rows.length);
  assert.equal(await shown(), 6);
  const grid = await page.$$eval('#grid .chart svg path', (paths) => paths.length);
  const lines = await page.$$eval('#lines .chart svg path', (paths) => paths.length);
  const brushed = await page.$('#parallel .chart');
  await brushed.scrollIntoViewIfNeeded();
  const box = await brushed.boundingBox();
  const x = box.x + 70;  // the first axis
  await page.mouse.move(x, box.y + box.height - 35);
  await page.mouse.down();
  await page.mouse.move(x, box.y + box.height - 90, {steps: 8});
  await page.mouse.up();
  await until(page, () => document.querySelectorAll('tr[data-point][hidden]').length > 0);
  assert.equal(await shown(), 3);
  assert.match(await page.textContent('#kept'), /3 points/);
  // Four experts' points went: half the grid's cells and half of each line.
  const marks = (chart) => page.$$eval(`#${chart} .chart svg path`, (paths) => paths.length);
  assert.ok(await marks('grid') < grid && await marks('lines') < lines);
  // Drawn anew, the chart still has what was brushed, so that letting go still works.
  await page.click('#theme');
  assert.equal(await shown(), 3);
  await page.mouse.click(x, (await brushed.boundingBox()).y + 60);
  await until(page, () => document.querySelectorAll('tr[data-point][hidden]').length === 0);
  assert.deepEqual(problems, []);
});

test('everything is reached and used by keyboard', async () => {
  const {page} = await open(pages.run);
  const reached = new Set();
  for (let i = 0; i < 200; ++i) {
    await page.keyboard.press('Tab');
    const what = await page.evaluate(() => {
      const at = document.activeElement;
      return at === document.body ? null : at.tagName + (at.className ? '.' + at.className : '') + (at.id ? '#' + at.id : '');
    });
    if (what === null) { break; }
    reached.add(what);
  }
  for (const wanted of ['A', 'BUTTON#theme', 'SELECT', 'BUTTON.save-svg', 'BUTTON.save-csv', 'SUMMARY', 'BUTTON.copy']) {
    assert.ok(reached.has(wanted), `${wanted} among ${[...reached].join(' ')}`);
  }
});

test('axe finds nothing serious, light and dark', async () => {
  for (const colorScheme of ['light', 'dark']) {
    for (const [name, file] of Object.entries(pages)) {
      const {page} = await open(file, {colorScheme, bypassCSP: true});
      await drawn(page);
      await page.evaluate(axe);
      const {violations} = await page.evaluate(() => window.axe.run());
      const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
      assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes[0].html}`), [], `${name} ${colorScheme}`);
      await page.screenshot({path: path.join(folder, `${name}-${colorScheme}.png`), fullPage: true});
      await page.context().close();
    }
  }
});

test('without JavaScript there are tables and pictures', async () => {
  const {page} = await open(pages.run, {javaScriptEnabled: false});
  assert.ok(await page.locator('noscript svg, svg').count() > 0);
  assert.ok(await page.locator('table').count() > 3);
});

test('the page is drawn as it was described: the saved picture is the figure', async () => {
  const figures = moesim('report', path.dirname(pages.run), '--figures', 'svg').trim().split('\n');
  const {page} = await open(pages.run, {acceptDownloads: true, viewport: {width: 792, height: 900}});
  await drawn(page);
  for (const figure of figures) {
    const id = path.basename(figure, '.svg');
    if (await page.$(`figure#${id}`) === null) { continue; }  // another view of a chart
    const text = await page.evaluate((chart) => {
      const entry = JSON.parse(document.getElementById('charts').textContent).find((c) => c.id === chart);
      const height = document.querySelector(`#${chart} .chart`).clientHeight;
      return window.moesim.svg(entry.views[0].option, 760, height, false);
    }, id);
    const words = (svg) => [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map((m) => m[1]).sort();
    assert.deepEqual(words(text), words(fs.readFileSync(figure, 'utf8')), id);
  }
});

// The charts of a page with the series of each view, as described; every view is drawn on the way.
async function seriesOfAllViews(page) {
  const described = await page.evaluate(() => JSON.parse(document.getElementById('charts').textContent).map((chart) => ({
    id: chart.id, views: chart.views.map((view) => ({name: view.name, series: JSON.parse(view.option).series.length}))})));
  for (const chart of described) {
    for (const [i, view] of chart.views.entries()) {
      if (chart.views.length > 1) { await page.selectOption(`#${chart.id} select`, {index: i}); }
      assert.equal(Number(await page.getAttribute(`#${chart.id} .chart`, 'data-drawn')), view.series, `${chart.id} ${view.name}`);
      assert.ok(await page.locator(`#${chart.id} .chart svg path`).count() > 3, `${chart.id} ${view.name}`);
    }
  }
  return Object.fromEntries(described.map((chart) => [chart.id, chart.views]));
}

test('the page of a closed loop has a line for each controller in every metric', async () => {
  const {page, problems} = await open(pages.balance);
  await drawn(page);
  const rows = JSON.parse(moesim('balance', 'balance_controllers', '--set', 'balance.steps=60', '-o', 'json'));
  const charts = await seriesOfAllViews(page);
  assert.deepEqual(Object.keys(charts), ['course', 'reached', 'speed', 'price', 'final-load', 'bias']);
  assert.deepEqual(charts.course.slice(0, 2).map((view) => view.name), ['MaxVio', 'MaxVio, logarithmic']);
  for (const view of charts.course) { assert.equal(view.series, rows.length, view.name); }
  const cells = await page.$$eval('#controllers-data tbody tr', (lines) => lines.map((line) => [...line.cells].map((cell) => cell.dataset.v || cell.textContent)));
  assert.deepEqual(cells.map((line) => [line[0], Number(line[4])]), rows.map((row) => [row.controller, row['m.max_violation.last_50']]));
  assert.deepEqual(problems, []);
});

test('the page of two routers shows where they part, for both of them', async () => {
  const {page, problems} = await open(pages.route);
  await drawn(page);
  const charts = await seriesOfAllViews(page);
  assert.deepEqual(Object.keys(charts), ['stages', 'largest', 'first-token', 'load']);
  assert.equal(charts.stages[0].series, 3);
  for (const view of [...charts.load, ...charts['first-token']]) { assert.equal(view.series, 2, view.name); }
  assert.equal(charts['first-token'][0].name, 'group limits');
  const said = /(\d+) of 64 tokens/.exec(await page.textContent('header'));
  assert.equal(await page.locator('#parted-data tbody tr').count(), Number(said[1]));
  assert.deepEqual(problems, []);
});
