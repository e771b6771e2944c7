// From a chart's description (plain data, see src/page/page.h) to an ECharts option: colours, number formats,
// the settings that every chart shares. The page and the figures use this file; it is plain ES5, because the
// interpreter that draws figures knows no more.
//
// Keys of its own, taken out before ECharts sees the option:
//   numbers  of an axis or a colour scale: "short" (1.2k), "percent", "seconds", "plain"
//   band     of a series: "from" the lower edge, "to" the height of a filled band
//   point    of a data item: which point of the page it is
//   of       of a cell that is a mean: [point, value] of each
var moesim = {};

// Okabe and Ito's colours, safe for colour-blind readers, with grey for black; in the dark the blue and the grey
// are lighter.
moesim.palette = function (dark) {
  return [dark ? '#3D9BDC' : '#0072B2', '#E69F00', '#009E73', '#D55E00', '#CC79A7', '#56B4E9', '#F0E442', dark ? '#A6A6A6' : '#7F7F7F'];
};
// The stages of a step have the same colours in every chart.
moesim.stages = ['gate', 'route', 'plan', 'dispatch', 'experts', 'combine', 'norm'];
// Of lines whose places are marked, so that more lines than colours are told apart.
moesim.symbols = ['circle', 'rect', 'triangle', 'diamond', 'emptyCircle', 'emptyRect', 'emptyTriangle', 'emptyDiamond', 'pin'];
// Magnitudes: points of cividis.
moesim.magnitudes = ['#00224E', '#35456C', '#666970', '#948E77', '#C8B866', '#FEE838'];

moesim.digits = function (value) {
  if (value === 0) { return '0'; }
  var text = value.toPrecision(4);
  return text.indexOf('e') < 0 && text.indexOf('.') >= 0 ? text.replace(/0+$/, '').replace(/\.$/, '') : String(Number(text));
};
moesim.scaled = function (value, steps) {
  var size = Math.abs(value);
  for (var i = 0; i < steps.length; ++i) {
    if (size >= steps[i][0]) { return moesim.digits(value / steps[i][0]) + steps[i][1]; }
  }
  return moesim.digits(value);
};
moesim.number = function (value, form) {
  if (typeof value !== 'number' || !isFinite(value)) { return value === null || value === undefined ? '?' : String(value); }
  if (form === 'percent') { return moesim.digits(100 * value) + ' %'; }
  if (form === 'seconds') { return value === 0 ? '0' : moesim.scaled(value, [[1, ' s'], [1e-3, ' ms'], [1e-6, ' µs'], [1e-9, ' ns']]); }
  if (form === 'plain') { return moesim.digits(value); }
  return moesim.scaled(value, [[1e12, ' T'], [1e9, ' G'], [1e6, ' M'], [1e3, 'k']]);
};

moesim.colours = function (dark) {
  return dark ? {text: '#e8e8e8', faint: '#4a4f57', back: '#16191d'} : {text: '#222222', faint: '#d5d8dc', back: '#ffffff'};
};

// How wide a text is: the same guess for the page and the figures, whatever fonts there are, so that both leave out the same
// labels. East Asian characters are as wide as they are high.
moesim.width = function (text, size) {
  var width = 0;
  for (var i = 0; i < text.length; ++i) { width += text.charCodeAt(i) >= 0x1100 ? 1 : 0.56; }
  return width * size;
};
echarts.setPlatformAPI({
  measureText: function (text, font) {
    return {width: moesim.width(text, parseFloat((/([0-9.]+)px/.exec(font || '') || [0, 12])[1]))};
  }
});

// Lines that a legend of these names takes: a sign, a gap and the name each.
moesim.legendRows = function (names, width) {
  var rows = 1, used = 0;
  names.forEach(function (name) {
    var needed = 25 + 5 + moesim.width(String(name), 12) + 10;
    if (used > 0 && used + needed > width) { rows += 1; used = 0; }
    used += needed;
  });
  return rows;
};

moesim.each = function (value, work) {
  if (Array.isArray(value)) { value.forEach(work); } else if (value) { work(value); }
};

// The option for ECharts, in a place `width` pixels wide. `still`: for a picture, without pointer and animation.
moesim.option = function (text, dark, still, width) {
  var option = JSON.parse(text);
  var colours = moesim.colours(dark);
  var forms = {};
  option.animation = false;
  option.color = moesim.palette(dark);
  option.backgroundColor = still ? colours.back : 'transparent';
  option.textStyle = {color: colours.text, fontFamily: 'sans-serif'};
  option.tooltip = option.tooltip || {trigger: 'item'};
  option.tooltip.renderMode = 'richText';
  option.tooltip.confine = true;
  option.tooltip.show = !still;
  option.tooltip.valueFormatter = function (value) {
    return Array.isArray(value) ? value.map(function (v) { return moesim.number(v, ''); }).join(', ') : moesim.number(value, forms.y || '');
  };
  function axis(which) {
    return function (a) {
      var form = a.numbers;
      delete a.numbers;
      if (which) { forms[which] = form || forms[which]; }
      a.axisLabel = a.axisLabel || {};
      a.axisLabel.color = colours.text;
      a.axisLine = {lineStyle: {color: colours.text}};
      a.splitLine = {lineStyle: {color: colours.faint}};
      a.nameTextStyle = {color: colours.text};
      if (which === 'x') { a.nameLocation = 'middle'; a.nameGap = 28; }
      if (which === 'y') { a.nameTextStyle.align = a.nameLocation === 'start' ? 'right' : 'left'; }
      if (a.type === 'value' || a.type === 'log') {
        a.axisLabel.formatter = function (value) { return moesim.number(value, form); };
        a.axisLabel.hideOverlap = true;
      } else if (which === 'y') {
        a.axisLabel.width = a.axisLabel.width || 150;
        a.axisLabel.overflow = 'truncate';
      }
    };
  }
  moesim.each(option.xAxis, axis('x'));
  moesim.each(option.yAxis, axis('y'));
  moesim.each(option.parallelAxis, axis(''));
  moesim.each(option.parallelAxis, function (a) {
    a.name = a.name.replace(/[. ]/, '$&\n');
    a.nameTextStyle.fontSize = 10;
    a.nameTruncate = {maxWidth: 76};
  });
  if (option.visualMap) {
    var form = option.visualMap.numbers;
    delete option.visualMap.numbers;
    option.visualMap.formatter = function (value) { return moesim.number(value, form); };
    option.visualMap.inRange = {color: moesim.magnitudes};
    option.visualMap.textStyle = {color: colours.text};
    option.visualMap.orient = 'vertical';
    option.visualMap.right = 0;
    option.visualMap.top = 'middle';
    forms.y = form;
  }
  if (option.title) {  // what a colour scale measures
    option.title.right = 0;
    option.title.top = 0;
    option.title.textStyle = {color: colours.text, fontSize: 12, fontWeight: 'normal'};
  }
  var named = [];
  var heat = false;
  var all = Array.isArray(option.series) ? option.series : [option.series];
  if (all.every(function (series) { return moesim.stages.indexOf(series.name) >= 0; })) {
    all.forEach(function (series) { series.color = option.color[moesim.stages.indexOf(series.name)]; });
  }
  moesim.each(option.series, function (series) {
    if (series.band) {
      series.silent = true;
      series.showSymbol = false;
      series.lineStyle = {opacity: 0};
      if (series.band === 'to') { series.areaStyle = {opacity: 0.2}; }
      delete series.band;
    } else if (named.indexOf(series.name) < 0) {
      named.push(series.name);
    }
    if (series.type === 'line' && series.showSymbol) { series.symbol = moesim.symbols[(named.length - 1) % moesim.symbols.length]; }
    heat = heat || series.type === 'heatmap';
    if (series.type === 'heatmap' && series.data.length <= 150 && option.xAxis.data.length <= 16) {
      var shown = forms.y;
      series.label = {show: true, formatter: function (cell) { return moesim.number(cell.value[2], shown); }};
    }
    if (series.type === 'parallel') { series.lineStyle = {width: 1.5, opacity: 0.55}; series.inactiveOpacity = 0.04; }
    if (series.markLine) {
      series.markLine.lineStyle = {color: colours.text, type: 'dashed'};
      series.markLine.data.forEach(function (mark) { mark.label.color = colours.text; });
    }
    if (series.markArea) {
      series.markArea.itemStyle = {color: colours.text, opacity: 0.08};
      series.markArea.label = {show: false};
    }
  });
  // Patterns beside colours, where areas are filled by series.
  option.aria = {enabled: true, decal: {show: !heat && !option.parallelAxis && named.length > 1}};
  if (option.parallelAxis) {
    option.parallel = {left: 70, right: 70, top: 56, bottom: 30};
  } else {
    option.grid = {left: 16, right: heat ? 110 : 40, top: named.length > 1 ? 48 : 34, bottom: 34, containLabel: true};
  }
  if (named.length > 1) {
    // More names than a few lines hold are leafed through.
    var rows = moesim.legendRows(named, width - 40);
    var many = rows > 6;
    option.legend = {type: many ? 'scroll' : 'plain', data: named, textStyle: {color: colours.text}, top: 0};
    option.grid.top += many ? 0 : 24 * (rows - 1);
  }
  return option;
};

// A picture: SVG text.
moesim.svg = function (text, width, height, dark) {
  var chart = echarts.init(null, null, {renderer: 'svg', ssr: true, width: width, height: height});
  chart.setOption(moesim.option(text, dark, true, width));
  var svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
};
