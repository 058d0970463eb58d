"use strict";
// Draws the page's charts from its data. What they show is decided in charts.py.
(() => {
  const root = document.documentElement;
  const faults = [];
  root.dataset.faults = "0";
  const blame = (what) => { faults.push(String(what)); root.dataset.faults = String(faults.length); root.dataset.fault = faults[0]; };
  addEventListener("error", (event) => blame(event.message));
  addEventListener("unhandledrejection", (event) => blame(event.reason));
  addEventListener("securitypolicyviolation", (event) => blame(event.violatedDirective));

  const data = JSON.parse(document.getElementById("data").textContent);
  const said = document.getElementById("said");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const CATEGORY = { own: "#d9730d", python: "#3572a5", bytecode: "#6e9bc5", libraries: "#8957e5", data: "#2da44e", tests: "#bf3989", metadata: "#8b949e" };
  const KIND = { own: "#d9730d", package: "#3572a5", client: "#8957e5", stdlib: "#6e7781", base: "#2da44e", none: "#bf3989" };

  const text = () => getComputedStyle(root).getPropertyValue("--ink").trim();
  const paper = () => getComputedStyle(root).getPropertyValue("--paper").trim();
  const line = () => getComputedStyle(root).getPropertyValue("--line").trim();
  const size = (bytes) => {
    for (const [unit, factor] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) if (bytes >= factor * 0.9995) return `${(bytes / factor).toPrecision(3)} ${unit}`;
    return `${bytes} B`;
  };
  const span = (us) => us >= 999500 ? `${(us / 1e6).toPrecision(3)} s` : us >= 1000 ? `${(us / 1000).toPrecision(3)} ms` : `${Math.round(us)} µs`;
  const escaped = (words) => words.replace(/[&<>]/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[one]);

  const axis = () => ({ axisLine: { lineStyle: { color: line() } }, axisLabel: { color: text() }, splitLine: { lineStyle: { color: line() } } });
  const base = (describe) => ({
    animation: false,
    aria: { enabled: false },
    textStyle: { color: text() },
    tooltip: { confine: true, formatter: (shown) => escaped(describe(shown)).replaceAll("\n", "<br>") },
  });

  // Each gives the option of a chart, how many things it shows, and what is said of one of them.
  const draw = {
    treemap(artefact) {
      const nodes = [];  // in the order in which the library numbers them: the whole first
      const numbered = (node, path) => {
        const here = [...path, node.name];
        const id = String(nodes.length);
        nodes.push(`${here.slice(1).join(" › ") || node.name}\n${size(node.value)}${node.files ? ` in ${node.files.toLocaleString("en")} files` : ""}`);
        return { ...node, id, itemStyle: node.category ? { color: CATEGORY[node.category] } : undefined, children: node.children?.map((child) => numbered(child, here)) };
      };
      const whole = { name: artefact.name, value: artefact.treemap.reduce((sum, one) => sum + one.value, 0), children: artefact.treemap };
      const { children } = numbered(whole, []);
      const describe = ({ dataIndex }) => nodes[dataIndex];
      return {
        describe, things: nodes.length, count: artefact.treemap.length,
        option: { ...base(describe), series: [{
          type: "treemap", name: artefact.name, data: children, left: 0, right: 0, top: 0, bottom: 28, roam: false, visibleMin: 200, color: ["#6e7781", "#59636e", "#818b98"],
          breadcrumb: { bottom: 0, itemStyle: { color: line(), textStyle: { color: text() } } },
          label: { formatter: (shown) => `${shown.name}\n${size(shown.value)}`, color: "#fff", lineHeight: 16, overflow: "truncate" },
          upperLabel: { show: true, height: 20, color: text(), formatter: (shown) => `${shown.name}  ${size(shown.value)}` },
          levels: [{ itemStyle: { gapWidth: 4, borderWidth: 0, borderColor: paper() }, upperLabel: { show: false } }, { itemStyle: { gapWidth: 2, borderColor: line(), borderWidth: 2 } }, { itemStyle: { gapWidth: 1, borderColor: line(), borderWidth: 1 } }, {}],
        }] },
      };
    },
    categories(artefact) {
      const rows = [...artefact.categories].reverse();
      const describe = ({ dataIndex }) => `${rows[dataIndex].name}: ${size(rows[dataIndex].value)} in ${rows[dataIndex].files.toLocaleString("en")} files`;
      return {
        describe, count: rows.length,
        option: { ...base(describe), grid: { left: 130, right: 80, top: 10, bottom: 30 },
          xAxis: { type: "value", ...axis(), axisLabel: { color: text(), formatter: size } }, yAxis: { type: "category", data: rows.map((one) => one.name), ...axis() },
          series: [{ type: "bar", label: { show: true, position: "right", color: text(), formatter: ({ value }) => size(value) }, data: rows.map((one) => ({ value: one.value, itemStyle: { color: CATEGORY[one.category] } })) }] },
      };
    },
    flame(artefact) {
      const rows = artefact.flame;
      const end = Math.max(...rows.map((one) => one.x + one.w));
      const deepest = Math.max(...rows.map((one) => one.d));
      const describe = ({ dataIndex }) => { const one = rows[dataIndex]; return `${one.m}\n${span(one.w)}, of it itself ${span(one.s)}\n${one.o}`; };
      const frame = (params, api) => {
        const one = rows[params.dataIndex];
        const [left, top] = api.coord([one.x, one.d]);
        const [width, height] = api.size([one.w, 1]);
        const shape = echarts.graphic.clipRectByRect({ x: left, y: top - height, width: Math.max(width - 0.5, 0.5), height: Math.max(height - 1, 1) }, params.coordSys);
        return shape && { type: "rect", shape, style: { fill: KIND[one.k], opacity: 0.65 + 0.35 * ((one.d % 2) ? 0 : 1) }, textConfig: { position: "insideLeft" },
          textContent: { style: { text: width > 42 ? one.m : "", fill: "#fff", fontSize: 11, width: width - 6, overflow: "truncate" } } };
      };
      return {
        describe, count: rows.length,
        option: { ...base(describe), grid: { left: 10, right: 10, top: 5, bottom: 50 },
          xAxis: { type: "value", min: 0, max: end, ...axis(), axisLabel: { color: text(), formatter: span } }, yAxis: { type: "value", min: 0, max: deepest + 1, show: false },
          dataZoom: [{ type: "inside", filterMode: "none" }, { type: "slider", filterMode: "none", height: 16, bottom: 4, labelFormatter: "" }],
          series: [{ type: "custom", name: artefact.name, renderItem: frame, clip: true, encode: { x: [0, 2], y: 1 }, data: rows.map((one) => [one.x, one.d, one.x + one.w]) }] },
      };
    },
    owners(artefact) {
      const rows = artefact.owners.slice(0, 15).reverse();
      const describe = ({ dataIndex }) => `${rows[dataIndex].name}: ${span(rows[dataIndex].ms * 1000)} in ${rows[dataIndex].modules} modules`;
      return {
        describe, count: rows.length,
        option: { ...base(describe), grid: { left: 190, right: 80, top: 10, bottom: 30 },
          xAxis: { type: "value", ...axis(), axisLabel: { color: text(), formatter: (ms) => span(ms * 1000) } }, yAxis: { type: "category", data: rows.map((one) => one.name), ...axis() },
          series: [{ type: "bar", label: { show: true, position: "right", color: text(), formatter: ({ value }) => span(value * 1000) }, data: rows.map((one) => ({ value: one.ms, itemStyle: { color: KIND[one.kind] } })) }] },
      };
    },
    ready: () => boxes("ready"),
    answer: () => boxes("answer"),
  };

  function boxes(what) {
    const rows = data.starts.filter((one) => one[what]);
    const points = rows.flatMap((one, row) => one.points.filter((point) => point[what] !== null).map((point) => [point[what], row, point.batch]));
    const last = Math.max(0, ...points.map((one) => one[2]));
    const describe = ({ seriesType, dataIndex }) => seriesType === "scatter"
      ? `${rows[points[dataIndex][1]].name}\n${span(points[dataIndex][0] * 1000)}, batch ${points[dataIndex][2] + 1}`
      : `${rows[dataIndex].name}\nmedian ${span(rows[dataIndex][what][2] * 1000)}; ${span(rows[dataIndex][what][0] * 1000)} to ${span(rows[dataIndex][what][4] * 1000)}`;
    return {
      describe, things: rows.length, count: rows.length + points.length,
      option: { ...base(describe), grid: { left: 190, right: 30, top: 10, bottom: 45 },
        xAxis: { type: "value", name: what === "ready" ? "until ready" : "until the first answer", nameLocation: "middle", nameGap: 28, nameTextStyle: { color: text() }, min: 0, ...axis(), axisLabel: { color: text(), formatter: (ms) => span(ms * 1000) } },
        yAxis: { type: "category", inverse: true, data: rows.map((one) => one.name), ...axis() },
        series: [
          { type: "boxplot", data: rows.map((one) => one[what]), itemStyle: { color: "rgba(53,114,165,.25)", borderColor: "#3572a5" } },
          { type: "scatter", symbolSize: 7, itemStyle: { color: "#d9730d" }, data: points.map((one) => ({ value: one.slice(0, 2), itemStyle: { opacity: 1 - 0.7 * one[2] / (1 + last) } })) },
        ] },
    };
  }

  const places = [...document.querySelectorAll("[data-chart]")];
  const charts = new Map();

  function drawAll() {
    for (const place of places) {
      charts.get(place)?.chart.dispose();
      const { chart: kind, artefact } = place.dataset;
      const made = draw[kind](artefact === undefined ? undefined : data.artefacts[Number(artefact)]);
      const chart = echarts.init(place, null, { renderer: "svg" });
      chart.setOption(made.option);
      charts.set(place, { chart, ...made, at: -1 });
      place.dataset.shows = String(made.count);
    }
  }

  // By keyboard: the arrow keys go from one thing to the next, which is shown and said.
  function move(place, step) {
    const state = charts.get(place);
    const things = state.things ?? state.count;
    if (!things) return;
    state.at = (Math.max(state.at, step > 0 ? -1 : 0) + step + things) % things;
    state.chart.dispatchAction({ type: "downplay", seriesIndex: 0 });
    state.chart.dispatchAction({ type: "highlight", seriesIndex: 0, dataIndex: state.at });
    state.chart.dispatchAction({ type: "showTip", seriesIndex: 0, dataIndex: state.at });
    said.textContent = state.describe({ dataIndex: state.at }).replaceAll("\n", ", ");
  }

  function look(place, inside) {
    const { chart, option, at } = charts.get(place);
    if (place.dataset.chart !== "treemap") return;
    if (inside && at > 0) chart.dispatchAction({ type: "treemapRootToNode", seriesIndex: 0, targetNodeId: String(at) });
    else chart.setOption(option, true);
  }

  for (const place of places) {
    place.addEventListener("keydown", (event) => {
      const act = { ArrowRight: () => move(place, 1), ArrowDown: () => move(place, 1), ArrowLeft: () => move(place, -1), ArrowUp: () => move(place, -1), Enter: () => look(place, true), Escape: () => look(place, false) }[event.key];
      if (act) { event.preventDefault(); act(); }
    });
  }

  const button = document.getElementById("theme");
  function theme(dark) {
    root.dataset.theme = dark ? "dark" : "light";
    button.textContent = dark ? "Light" : "Dark";
    drawAll();
  }
  button.addEventListener("click", () => theme(root.dataset.theme !== "dark"));
  prefersDark.addEventListener("change", (event) => theme(event.matches));
  addEventListener("resize", () => { for (const { chart } of charts.values()) chart.resize(); });
  theme(prefersDark.matches);
  root.dataset.requests = String(performance.getEntriesByType("resource").length);
  root.dataset.drawn = String(charts.size);
})();
