import { text } from 'node:stream/consumers';
import * as echarts from 'echarts';

// Reads a chart, as options of ECharts with its size, from stdin, and writes it to stdout as SVG.
const { width, height, option } = JSON.parse(await text(process.stdin)) as {
  width: number;
  height: number;
  option: echarts.EChartsOption;
};
const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
chart.setOption({ animation: false, ...option });
process.stdout.write(chart.renderToSVGString());
chart.dispose();
