"use strict";
(function () {
  const light = {
    paper: "#fbfaf7", ink: "#1b1f24", soft: "#5d6670", rule: "#e4e1d9", card: "#ffffff",
    scale: [[0, "#0b4aa2"], [0.25, "#5b9bea"], [0.46, "#d5e5f8"], [0.5, "#f4f2ec"], [0.54, "#fbe4cb"], [0.75, "#f0a04b"], [1, "#b35400"]],
  };
  const dark = {
    paper: "#14171b", ink: "#e8e6e1", soft: "#9aa3ad", rule: "#2e343c", card: "#1b1f25",
    scale: [[0, "#6fb1ff"], [0.25, "#2c6cc4"], [0.46, "#1d3250"], [0.5, "#23272e"], [0.54, "#4a3018"], [0.75, "#c26a12"], [1, "#ffb057"]],
  };
  const darkQuery = window.matchMedia("(prefers-color-scheme: dark)");
  const config = { displayModeBar: false };
  const dashes = { dash: "6 3", dot: "2 3", dashdot: "7 3 2 3", longdash: "10 3" };
  const gap = 22, under = 4, letter = 6.2, paperWidth = 700; // pixels

  // ---- titles and legends: ordinary text above each panel, which wraps as the screen needs ----

  function element(tag, name, text) {
    const made = document.createElement(tag);
    made.className = name;
    if (text) made.textContent = text;
    return made;
  }
  function swatch(trace) {
    const holder = element("span", "swatch"), line = trace.line || {};
    holder.innerHTML = '<svg viewBox="0 0 28 12"><path></path></svg>';
    const stroke = holder.querySelector("path");
    stroke.setAttribute("d", trace.mode === "markers" ? "M14 2V10" : "M1 6H27");
    stroke.setAttribute("stroke", trace.fillcolor || line.color || "currentColor");
    stroke.setAttribute("stroke-width", trace.fillcolor ? 9 : line.width || 1.5);
    stroke.setAttribute("stroke-dasharray", dashes[line.dash] || "none");
    return holder;
  }
  function shown(trace) { return trace.visible !== "legendonly"; }
  function entry(view, trace) {
    const button = element("button", "entry", trace.name);
    const answering = view.figure.data.filter((other) =>
      other === trace || (trace.legendgroup && other.legendgroup === trace.legendgroup && other.yaxis === trace.yaxis));
    button.type = "button";
    button.prepend(swatch(trace));
    button.setAttribute("aria-pressed", shown(trace));
    button.addEventListener("click", () => {
      const next = shown(trace) ? "legendonly" : true;
      for (const one of answering) one.visible = next;
      button.setAttribute("aria-pressed", shown(trace));
      draw(view);
    });
    return button;
  }
  function head(view, panel, number) {
    const made = element("div", "head"), title = element("div", "title"), legend = element("div", "legend");
    title.append(element("b", "", panel.title), " " + panel.note);
    const axis = number ? "y" + (number + 1) : "y", rank = (trace) => trace.legendrank || 1000;
    const listed = view.figure.data.filter((trace) => trace.yaxis === axis && trace.showlegend !== false);
    legend.append(...listed.sort((one, other) => rank(one) - rank(other)).map((trace) => entry(view, trace)));
    made.append(title, legend);
    return made;
  }

  // ---- the picture ----

  function stack(layout, view) {
    let used = 0;
    const tops = view.heads.map((top, number) => {
      top.style.top = used + "px";
      const start = used + top.offsetHeight + under;
      used = start + view.figure.panels[number].height + gap;
      return start;
    });
    const first = tops[0], inner = used - gap - first;
    tops.forEach((start, number) => {
      const axis = "yaxis" + (number ? number + 1 : ""), foot = start + view.figure.panels[number].height;
      layout[axis] = Object.assign({}, layout[axis], { domain: [Math.max(0, 1 - (foot - first) / inner), 1 - (start - first) / inner] });
    });
    layout.margin = Object.assign({}, layout.margin, { t: first });
    layout.height = first + inner + layout.margin.b;
    turn(layout);
  }
  // a label that would run over the right edge says less, or else goes to the left of its mark
  function turn(layout) {
    if (!layout.xaxis.range) return;
    const time = (text) => Date.parse(text.replace(" ", "T") + "Z"), [from, to] = layout.xaxis.range.map(time);
    const width = layout.width - layout.margin.l - layout.margin.r;
    const fits = (note) => (time(note.x) - from) / (to - from) * width + note.ax + letter * note.text.replace(/<.*?>/g, "").length < width;
    layout.annotations = layout.annotations.map((note) => {
      if (fits(note)) return note;
      const brief = Object.assign({}, note, { text: note.text.replace(": liquidated", "") });
      return fits(brief) ? brief : Object.assign(brief, { ax: -note.ax, xanchor: "right" });
    });
  }
  function themed(layout, tone, width) {
    const out = Object.assign({}, layout, {
      width, uirevision: "kept", paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", colorway: [tone.ink],
      font: { color: tone.ink, size: 12, family: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif" },
      hoverlabel: Object.assign({}, layout.hoverlabel, { bgcolor: tone.card, bordercolor: tone.rule, font: { color: tone.ink } }),
    });
    out.annotations = layout.annotations.map((note) => (note.showarrow ? Object.assign({ bgcolor: tone.paper }, note) : note));
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis/.test(key)) {
        out[key] = Object.assign({ gridcolor: tone.rule, linecolor: tone.soft, tickfont: { color: tone.soft } }, layout[key]);
      }
    }
    if (layout.coloraxis) out.coloraxis = Object.assign({ colorscale: tone.scale }, layout.coloraxis);
    return out;
  }

  // ---- drawing, and drawing again when the theme, the width or the medium changes ----

  let printing = false;
  function draw(view) {
    const tone = darkQuery.matches && !printing ? dark : light;
    view.width = view.place.clientWidth;
    const layout = themed(view.figure.layout, tone, view.width);
    if (view.heads.length) stack(layout, view);
    Plotly.react(view.plot, view.figure.data, layout, config);
  }
  function opened(place) {
    const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
    const view = { place, figure, plot: element("div", "plot"), heads: [], width: 0 };
    view.heads = (figure.panels || []).map((panel, number) => head(view, panel, number));
    for (const made of view.heads) {
      made.style.left = figure.layout.margin.l + "px";
      made.style.right = figure.layout.margin.r + "px";
    }
    place.append(view.plot, ...view.heads);
    return view;
  }
  const views = Array.from(document.querySelectorAll(".figure"), opened);
  views.forEach(draw);
  function medium(paper) {
    printing = paper;
    for (const view of views) view.place.style.width = paper ? paperWidth + "px" : "";
    views.forEach(draw);
  }
  darkQuery.addEventListener("change", () => views.forEach(draw));
  window.addEventListener("beforeprint", () => medium(true));
  window.addEventListener("afterprint", () => medium(false));
  window.addEventListener("resize", () => {
    if (!printing) views.filter((view) => view.place.clientWidth !== view.width).forEach(draw);
  });
})();
