// node write_web_files.js MODULES SOURCE OUTPUT: writes the C++ file that holds the report's scripts and style, with the hashes that the
// page's content policy names its scripts by.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

const [modules, source, output] = process.argv.slice(2);
const echarts = path.join(modules, 'node_modules/echarts');
const files = {
  library: path.join(echarts, 'dist/echarts.min.js'),
  notice: path.join(echarts, 'NOTICE'),
  charts: path.join(source, 'chart.js'),
  page: path.join(source, 'page.js'),
  style: path.join(source, 'page.css'),
};
const version = JSON.parse(fs.readFileSync(path.join(echarts, 'package.json'), 'utf8')).version;

let arrays = '';
const hashes = {};
for (const [name, file] of Object.entries(files)) {
  const bytes = fs.readFileSync(file);
  if (bytes.includes('</script')) { throw new Error(`${file} would end its script element`); }
  hashes[name] = crypto.createHash('sha256').update(bytes).digest('base64');
  // An assembler takes bytes as they are; a compiler would need seconds for a megabyte of array.
  arrays += `__asm__(".section .rodata\\n.global moesim_web_${name}\\n.hidden moesim_web_${name}\\nmoesim_web_${name}:\\n` +
            `.incbin \\"${file}\\"\\n.byte 0\\n.previous\\n");\n` +
            `extern "C" __attribute__((visibility("hidden"))) const char moesim_web_${name}[${bytes.length}];\n`;
}
const view = (name) => `{moesim_web_${name}, sizeof moesim_web_${name}}`;
fs.writeFileSync(output, `#include "page/web_files.h"

${arrays}
namespace moesim {

const WebFiles* web_files() {
  static const WebFiles files = {${view('library')}, "${version}", ${view('notice')}, ${view('charts')}, ${view('page')},
                                 ${view('style')}, "${hashes.library}", "${hashes.charts}", "${hashes.page}"};
  return &files;
}

}  // namespace moesim
`);
