// Charts, drawn from the tables that stand below them.
/** @param {string} name @returns {string} */
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const DAY = 86400;
const FONT = "Inter, system-ui, sans-serif";

/** @param {uPlot} u @param {string} scale @param {number} value */
const at = (u, scale, value) => u.valToPos(value, scale, true);

/** @param {HTMLElement} figure @param {uPlot.Options} options @param {(number | null)[][]} data */
function draw(figure, options, data) {
  figure.replaceChildren();
  const width = () => figure.clientWidth;
  const plot = new uPlot({ ...options, width: width(), height: Math.min(380, Math.max(240, width() * 0.5)) }, data, figure);
  plot.root.querySelector("canvas")?.setAttribute("aria-hidden", "true");
  return plot;
}

/** @param {string} label @param {uPlot.Axis["values"]} [values] @returns {uPlot.Axis} */
function axis(label, values) {
  return {
    ...(label ? { label, labelSize: 24, labelFont: `13px ${FONT}` } : {}), font: `12px ${FONT}`, ...(values ? { values } : {}),
    stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 },
  };
}

/** @param {number} value */
const usd = (value) => `$${Number(value.toPrecision(6))}`;

/** @param {number | null} stamp */
const isoDay = (stamp) => (stamp == null ? "" : new Date(stamp * 1000).toISOString().slice(0, 10));

/** @param {uPlot} _ @param {number | null} value */
const shown = (_, value) => (value == null ? "–" : value ? usd(value) : "free");

/** @param {HTMLElement} figure */
function overTime(figure) {
  const rows = Array.from(document.querySelectorAll("#prices-table tr[data-day]"))
    .filter((row) => row instanceof HTMLElement)
    .map((row) => row.dataset)
    .filter((row) => row.threshold === "0" && (row.input || row.output))
    .reverse();
  if (!rows.length) { figure.hidden = true; return; }
  /** @param {string | undefined} day */
  const seconds = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;
  const today = seconds(figure.dataset.today);
  const days = rows.map((row) => seconds(row.day));
  const last = days[days.length - 1] ?? today;
  const first = Math.min(days[0] ?? today, today - 30 * DAY);
  const end = Math.max(today, last) + Math.max(14 * DAY, (Math.max(today, last) - first) * 0.05);
  /** @param {string | undefined} text */
  const figureOf = (text) => (text ? Number(text) : null);
  const data = [
    [...days, end],
    ...["input", "output"].map((name) => {
      const values = rows.map((row) => figureOf(row[name]));
      return [...values, values[values.length - 1] ?? null];
    }),
  ];
  /** @param {uPlot} u */
  function future(u) {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const dash = 4 * devicePixelRatio;
    const now = at(u, "x", today);
    ctx.save();
    ctx.fillStyle = color("--tint");
    ctx.fillRect(now, top, left + width - now, height);
    ctx.strokeStyle = color("--soft");
    ctx.setLineDash([dash, dash]);
    ctx.beginPath();
    ctx.moveTo(now, top);
    ctx.lineTo(now, top + height);
    ctx.stroke();
    ctx.restore();
  }
  /** @param {uPlot} u */
  function marks(u) {
    const { ctx } = u;
    const ratio = devicePixelRatio;
    ctx.save();
    ["--series-1", "--series-2"].forEach((name, series) => {
      rows.forEach((row, index) => {
        const value = data[series + 1]?.[index];
        if (value == null) return;
        const x = at(u, "x", days[index] ?? 0);
        const y = at(u, "y", value);
        const size = 5 * ratio;
        ctx.beginPath();
        if (row.corrected) { ctx.moveTo(x, y - 1.4 * size); ctx.lineTo(x + 1.4 * size, y); ctx.lineTo(x, y + 1.4 * size); ctx.lineTo(x - 1.4 * size, y); ctx.closePath(); }
        else ctx.arc(x, y, size, 0, 2 * Math.PI);
        const hollow = row.corrected || (days[index] ?? 0) > today;
        ctx.fillStyle = hollow ? color("--paper") : color(name);
        ctx.strokeStyle = color(name);
        ctx.lineWidth = 2 * ratio;
        ctx.fill(); ctx.stroke();
      });
    });
    ctx.restore();
  }
  const stepped = uPlot.paths.stepped({ align: 1 });
  const line = { width: 2, paths: stepped, points: { show: false }, value: shown };
  draw(figure, {
    width: 0, height: 0,
    scales: { x: { range: [first - (end - first) * 0.03, end] }, y: { range: (_, low, high) => [0, (high || 1) * 1.12] } },
    series: [{ label: "day", value: (_, value) => isoDay(value) || "–" }, { label: "input", stroke: color("--series-1"), ...line }, { label: "output", stroke: color("--series-2"), ...line }],
    axes: [{ ...axis("", (_, values) => values.map(isoDay)), space: 110 }, axis("$ per million tokens", (_, values) => values.map((value) => (value == null ? "" : usd(value))))],
    tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1000), "Etc/UTC"),
    hooks: { drawClear: [future], draw: [marks] },
  }, data);
}

/** @param {HTMLElement} figure */
function scatter(figure) {
  /** @param {string} table */
  const points = (table) => Array.from(document.querySelectorAll(`${table} tr[data-score]`))
    .filter((row) => row instanceof HTMLElement)
    .map(({ dataset }) => ({ name: dataset.name ?? "", score: Number(dataset.score), price: Number(dataset.price) }));
  const front = points("#front");
  const every = [...points("#points"), ...front];
  const paid = every.map((point) => point.price).filter((price) => price > 0);
  if (!every.length) { figure.hidden = true; return; }
  // On a logarithmic scale free has no place: it gets one at the left edge.
  const free = Math.min(1, ...paid) / 4;
  /** @param {number} price */
  const x = (price) => (price > 0 ? price : free);
  every.sort((a, b) => x(a.price) - x(b.price));
  const scores = every.map((point) => point.score);
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  const pad = (high - low || 1) * 0.08;
  /** @param {uPlot} u */
  function marks(u) {
    const { ctx } = u;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.fillStyle = color("--series-1");
    ctx.globalAlpha = 0.45;
    for (const point of every) {
      ctx.beginPath();
      ctx.arc(at(u, "x", x(point.price)), at(u, "y", point.score), 3.5 * ratio, 0, 2 * Math.PI);
      ctx.fill();
    }
    ctx.globalAlpha = 1;
    ctx.strokeStyle = ctx.fillStyle = color("--series-2");
    ctx.lineWidth = 2 * ratio;
    ctx.beginPath();
    front.forEach((point, index) => {
      const [left, top] = [at(u, "x", x(point.price)), at(u, "y", point.score)];
      if (index) { ctx.lineTo(left, at(u, "y", front[index - 1]?.score ?? 0)); ctx.lineTo(left, top); }
      else ctx.moveTo(left, top);
    });
    ctx.stroke();
    ctx.font = `${12 * ratio}px ${FONT}`;
    if (every.some((point) => point.price === 0)) {
      ctx.fillStyle = color("--soft");
      ctx.textAlign = "center";
      ctx.fillText("free", at(u, "x", free), u.bbox.top + u.bbox.height - 6 * ratio);
      ctx.textAlign = "left";
    }
    let taken = -Infinity;
    front.forEach((point) => {
      const [left, top] = [at(u, "x", x(point.price)), at(u, "y", point.score)];
      ctx.fillStyle = color("--series-2");
      ctx.beginPath(); ctx.arc(left, top, 5 * ratio, 0, 2 * Math.PI); ctx.fill();
      const width = ctx.measureText(point.name).width;
      const start = Math.min(left, u.bbox.left + u.bbox.width - width);
      // A name that would lie over another one, or over a point of the front, is left to the table.
      const covers = front.some((other) => {
        const across = at(u, "x", x(other.price));
        const above = top - at(u, "y", other.score);
        return across > left && across < start + width + 6 * ratio && above > 0 && above < 30 * ratio;
      });
      if (start > taken && !covers) {
        ctx.fillStyle = color("--ink");
        ctx.fillText(point.name, start, top - 10 * ratio);
        taken = start + width + 12 * ratio;
      }
    });
    ctx.restore();
  }
  draw(figure, {
    width: 0, height: 0,
    scales: {
      x: { time: false, distr: 3, range: [free / 1.5, Math.max(...paid, 1) * 2] },
      y: { range: [low - pad, high + 2 * pad] },
    },
    legend: { show: false },
    cursor: { show: false },
    series: [{}, { stroke: "transparent", paths: () => null, points: { show: false } }],
    axes: [
      axis(figure.dataset.x ?? "", (_, values) => values.map((value) => (value == null ? "" : usd(value)))),
      { ...axis(figure.dataset.y ?? ""), size: 64 },
    ],
    hooks: { draw: [marks] },
  }, [every.map((point) => x(point.price)), scores]);
}

function drawAll() {
  const prices = document.getElementById("history");
  if (prices) overTime(prices);
  const against = document.getElementById("scatter");
  if (against) scatter(against);
}

drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
let resizing = 0;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(drawAll, 100);
});
