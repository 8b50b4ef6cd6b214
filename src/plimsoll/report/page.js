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
  const config = { responsive: true, displayModeBar: false };

  function themed(layout, tone) {
    const out = Object.assign({}, layout, {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", colorway: [tone.ink],
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
  function draw(tone) {
    for (const place of document.querySelectorAll(".figure")) {
      const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
      Plotly.react(place, figure.data, themed(figure.layout, tone), config);
    }
  }
  function current() { return darkQuery.matches ? dark : light; }
  draw(current());
  darkQuery.addEventListener("change", () => draw(current()));
  window.addEventListener("beforeprint", () => draw(light));
  window.addEventListener("afterprint", () => draw(current()));
})();
