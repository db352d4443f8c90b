// What the pages do beyond HTML: live parts wait while somebody works in them, charts are drawn out of their
// own tables, menus close. Without it everything is still there to read and to send.
"use strict";
(() => {
  const all = (root, what) => (root.querySelectorAll ? [...root.querySelectorAll(what)] : []);

  // -- live parts -------------------------------------------------------------------------------------------
  let paused = false;
  const busy = (part) => {
    const at = document.activeElement;
    const writing = at && part.contains(at) && at.matches("input, select, textarea");
    const selected = !window.getSelection().isCollapsed && part.contains(window.getSelection().anchorNode);
    return document.hidden || paused || writing || selected || part.querySelector(".confirm[open], .menu[open]");
  };
  document.addEventListener("htmx:before:request", (event) => {
    const part = event.target.closest("[data-live]");
    if (part && event.target === part && busy(part)) event.preventDefault();
  });
  document.addEventListener("htmx:before:response", (event) => {
    const answer = event.detail.ctx.response;
    if (answer && answer.status === 401) { event.preventDefault(); location.reload(); }
    else if (answer && answer.status >= 500 && event.target.closest("[data-live]")) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const toggle = event.target.closest("[data-pause]");
    if (!toggle) return;
    paused = !paused;
    toggle.setAttribute("aria-pressed", String(paused));
    toggle.querySelector("[data-word]").textContent = paused ? "Paused" : "Live";
  });

  // -- menus and confirmations ------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-cancel]")) {
      const open = event.target.closest("details");
      open.open = false;
      open.querySelector("summary").focus();
    }
    for (const menu of all(document, "details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const open of all(document, "details.menu[open], details.confirm[open]")) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });
  document.addEventListener("change", (event) => {
    const every = event.target.closest("[data-all]");
    if (every) for (const box of all(document, `input[name="${every.dataset.all}"]`)) box.checked = every.checked;
  });

  // -- charts -----------------------------------------------------------------------------------------------
  const drawn = new Map();
  const colour = (figure, name) => {
    const probe = figure.querySelector(`.colour-${name}`);
    return getComputedStyle(probe).color;
  };
  const numbers = (table) => {
    const rows = all(table, "tbody tr");
    const width = rows.length ? rows[0].cells.length : 0;
    return Array.from({ length: width }, (_, column) =>
      rows.map((row) => (row.cells[column].dataset.value === "" ? null : Number(row.cells[column].dataset.value))));
  };
  const draw = (figure) => {
    const table = figure.querySelector("table");
    if (!table) return; // nothing was measured yet
    const place = figure.querySelector(".drawn");
    const data = numbers(table);
    const stamp = JSON.stringify(data) + place.clientWidth + getComputedStyle(figure).color;
    if (!data.length || data[0].length < 2) return;
    if (drawn.has(place) && drawn.get(place).stamp === stamp) return;
    if (drawn.has(place)) drawn.get(place).plot.destroy();
    const names = all(table, "thead th").map((cell) => cell.textContent.trim());
    const ink = colour(figure, "ink");
    const axis = { stroke: ink, grid: { stroke: colour(figure, "line"), width: 1 }, ticks: { show: false }, font: "11px Inter, sans-serif" };
    place.hidden = false;
    const width = figure.clientWidth - 32;
    const unit = figure.dataset.unit || "";
    const bars = "bars" in figure.dataset ? uPlot.paths.bars({ size: [0.62, 44], radius: 0.12 }) : undefined;
    const step = data[0][1] - data[0][0];
    const days = step >= 86400;
    const plot = new uPlot({
      width, height: 190, tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "UTC"),
      cursor: { points: { size: 6 }, drag: { x: false, y: false } },
      legend: { live: true },
      axes: [{ ...axis, ...(days ? { incrs: [86400, 2 * 86400, 7 * 86400, 14 * 86400, 28 * 86400] } : {}), values: [
        [86400, "{YYYY}-{MM}-{DD}", null, null, null, null, null, null, 1],
        [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
      ] }, { ...axis, size: 56, values: (_, ticks) => ticks.map((one) => one.toLocaleString("en") + unit) }],
      scales: { x: bars ? { range: (_, first, last) => [first - step / 2, last + step / 2] } : {}, y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.08 : 1] } },
      series: [{ value: "{YYYY}-{MM}-{DD} {HH}:{mm} UTC" }, ...names.slice(1).map((label, at) => ({
        label, width: bars ? 0 : 1.75, stroke: colour(figure, String(at % 4 + 1)), points: { show: false }, spanGaps: false,
        ...(bars ? { paths: bars, fill: colour(figure, String(at % 4 + 1)) } : {}),
        value: (_, one) => (one === null ? "–" : one.toLocaleString("en") + unit),
      }))],
    }, data, place);
    all(plot.root, "table").forEach((legend) => legend.setAttribute("role", "presentation"));
    drawn.set(place, { plot, stamp });
  };
  const drawAll = () => {
    for (const [place, had] of drawn) if (!place.isConnected) { had.plot.destroy(); drawn.delete(place); }
    all(document, "figure.chart").forEach(draw);
  };
  document.addEventListener("DOMContentLoaded", () => {
    const here = document.querySelector(".manual > nav a[aria-current]");
    if (here) here.closest("nav").scrollTop = here.offsetTop - 120;
    drawAll();
  });
  document.addEventListener("htmx:after:swap", drawAll);
  let waiting = 0;
  window.addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(drawAll, 150); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
