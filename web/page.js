// What the page does in a browser: draws its charts when they come into view, lets the reader choose views,
// colours and points, and gives out SVG and CSV. Everything it shows is already in the page as tables.
(function () {
  'use strict';
  var root = document.documentElement;
  var charts = JSON.parse(document.getElementById('charts').textContent);
  var kept = null;  // the points that are shown; null: all

  function isDark() {
    var chosen = root.getAttribute('data-theme');
    return chosen ? chosen === 'dark' : window.matchMedia('(prefers-color-scheme: dark)').matches;
  }

  function isKept(point) { return kept === null || point === undefined || kept.has(point); }

  // The mean of a cell over its kept points; null: it has none.
  function keptCell(cell) {
    var left = cell.of.filter(function (pair) { return isKept(pair[0]); });
    if (left.length === 0) { return null; }
    var sum = left.reduce(function (all, pair) { return all + pair[1]; }, 0);
    return {value: [cell.value[0], cell.value[1], sum / left.length]};
  }

  // A linked chart shows the kept points alone; the one that is brushed shows them all. In a line a place stays.
  function filtered(option) {
    if (kept === null) { return; }
    moesim.each(option.series, function (series) {
      if (series.type === 'line') {
        series.data = series.data.map(function (item) { return item !== null && isKept(item.point) ? item : null; });
      } else if (series.type === 'heatmap') {
        series.data = series.data.map(keptCell).filter(function (cell) { return cell !== null; });
      } else if (series.type !== 'parallel') {
        series.data = series.data.filter(function (item) { return isKept(item.point); });
      }
    });
  }

  // A chart that is drawn again forgets what is brushed: chosen ranges of each axis are set again.
  function chosenRanges(chart) {
    var axes = chart.getModel().getComponent('parallelAxis') ? chart.getModel().findComponents({mainType: 'parallelAxis'}) : [];
    return axes.map(function (axis) { return axis.activeIntervals.slice(); });
  }

  function draw(entry) {
    var view = entry.views[entry.chosen];
    var option = moesim.option(view.option, isDark(), false, entry.place.clientWidth);
    if (entry.linked) { filtered(option); }
    if (!entry.chart) {
      entry.chart = echarts.init(entry.place, null, {renderer: 'svg'});
      entry.chart.on('axisareaselected', function () { brush(entry); });
    }
    var ranges = kept === null ? [] : chosenRanges(entry.chart);
    entry.chart.setOption(option, true);
    ranges.forEach(function (intervals, axis) {
      if (intervals.length > 0) { entry.chart.dispatchAction({type: 'axisAreaSelect', parallelAxisIndex: axis, intervals: intervals}); }
    });
    if (ranges.length > 0) { entry.chart.resize(); }  // draws the ranges: the action alone does not
    entry.place.setAttribute('data-drawn', String(option.series.length));
  }

  function brush(entry) {
    var selected = entry.chart.getModel().getSeries()[0];
    var all = selected.getData().count();
    var indices = selected.getRawIndicesByActiveState('active');
    var none = indices.length === all || selected.getRawIndicesByActiveState('normal').length > 0;
    kept = none ? null : new Set(indices);
    showKept(entry);
  }

  function showKept(origin) {
    document.querySelectorAll('tr[data-point]').forEach(function (row) {
      row.hidden = !isKept(Number(row.getAttribute('data-point')));
    });
    var note = document.getElementById('kept');
    if (note) { note.textContent = kept === null ? '' : kept.size + ' points kept'; }
    charts.forEach(function (entry) {
      if (entry.linked && entry !== origin && entry.chart) { draw(entry); }
    });
  }

  function save(name, type, text) {
    var link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], {type: type}));
    link.download = name;
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
  }

  // The number itself where the cell shows it rounded.
  function whole(cell) { return cell.getAttribute('data-v') || cell.textContent; }

  function csv(table) {
    return Array.prototype.map.call(table.rows, function (row) {
      return Array.prototype.map.call(row.cells, function (cell) {
        var text = whole(cell);
        return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
      }).join(',');
    }).join('\r\n') + '\r\n';
  }

  function sortBy(table, column, button) {
    var body = table.tBodies[0];
    var rows = Array.prototype.slice.call(body.rows);
    var down = button.parentNode.getAttribute('aria-sort') === 'ascending';
    rows.sort(function (a, b) {
      var x = whole(a.cells[column]), y = whole(b.cells[column]);
      var order = x !== '' && y !== '' && isFinite(x) && isFinite(y) ? Number(x) - Number(y) : x < y ? -1 : x > y ? 1 : 0;
      return down ? -order : order;
    });
    rows.forEach(function (row) { body.appendChild(row); });
    table.querySelectorAll('th').forEach(function (head) { head.removeAttribute('aria-sort'); });
    button.parentNode.setAttribute('aria-sort', down ? 'descending' : 'ascending');
  }

  // As src/page/html.cpp writes the first layer: class, words and number of each token.
  function showWords(choices) {
    document.querySelectorAll('.passage > .t').forEach(function (word, place) {
      var of = choices[place];
      var kept = false;
      var words = [];
      for (var i = 0; i < of.length; i += 3) {
        words.push('expert ' + of[i] + ': ' + of[i + 1] + (of[i + 2] ? '' : ' (dropped)'));
        kept = kept || of[i + 2] === 1;
      }
      word.className = of.length === 0 ? 't none' : 't c' + of[0] % 8 + (kept ? '' : ' dropped');
      word.title = words.join(', ') || 'no expert';
      word.querySelector('sub').textContent = of.length === 0 ? '' : of[0];
    });
  }

  function redrawAll() { charts.forEach(function (entry) { if (entry.chart) { draw(entry); } }); }
  function drawAll() { charts.forEach(function (entry) { if (!entry.chart) { draw(entry); } }); }

  charts.forEach(function (entry) {
    var figure = document.getElementById(entry.id);
    entry.place = figure.querySelector('.chart');
    entry.chosen = 0;
    var select = figure.querySelector('select');
    if (select) {
      select.addEventListener('change', function () { entry.chosen = select.selectedIndex; draw(entry); });
    }
    figure.querySelector('.save-svg').addEventListener('click', function () {
      save(entry.id + '.svg', 'image/svg+xml', moesim.svg(entry.views[entry.chosen].option, entry.place.clientWidth, entry.place.clientHeight, isDark()));
    });
  });
  document.querySelectorAll('.save-csv').forEach(function (button) {
    button.addEventListener('click', function () {
      var table = document.getElementById(button.getAttribute('data-table'));
      save(table.id + '.csv', 'text/csv', csv(table));
    });
  });
  document.querySelectorAll('th > button').forEach(function (button) {
    button.addEventListener('click', function () {
      sortBy(button.closest('table'), button.parentNode.cellIndex, button);
    });
  });
  document.querySelectorAll('.copy').forEach(function (button) {
    button.addEventListener('click', function () {
      navigator.clipboard.writeText(button.parentNode.querySelector('code').textContent).then(function () {
        button.textContent = 'copied';
      }, function () { button.textContent = 'select and copy'; });
    });
  });
  var layer = document.getElementById('words-layer');
  if (layer) {
    var words = JSON.parse(document.getElementById('words').textContent);
    layer.addEventListener('change', function () { showWords(words[layer.selectedIndex]); });
  }
  document.getElementById('theme').addEventListener('click', function () {
    root.setAttribute('data-theme', isDark() ? 'light' : 'dark');
    redrawAll();
  });
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redrawAll);
  window.addEventListener('resize', function () {
    charts.forEach(function (entry) { if (entry.chart) { entry.chart.resize(); } });
  });
  window.addEventListener('beforeprint', drawAll);

  var watcher = new IntersectionObserver(function (seen) {
    seen.forEach(function (s) {
      if (s.isIntersecting) {
        watcher.unobserve(s.target);
        charts.forEach(function (entry) { if (entry.place === s.target && !entry.chart) { draw(entry); } });
      }
    });
  }, {rootMargin: '600px'});
  charts.forEach(function (entry) { watcher.observe(entry.place); });

  // The others when there is nothing else to do, so that a search or a print finds them drawn.
  var whenIdle = window.requestIdleCallback || function (work) { setTimeout(work, 50); };
  function drawNext() {
    var next = charts.find(function (entry) { return !entry.chart; });
    if (next) {
      draw(next);
      whenIdle(drawNext);
    }
  }
  whenIdle(drawNext);
})();
