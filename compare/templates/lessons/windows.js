"use strict";
// Moves a window over a picture and reads its two scores; without it the maps below say the same.
document.addEventListener("DOMContentLoaded", () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const probe = document.getElementById("probe");
  const [covered, alone] = ["covered", "alone"].map((id) => document.getElementById(id));
  const sources = [...document.querySelectorAll(".thirds")].map((box) => box.querySelector("img").getAttribute("src"));
  const [across, down] = ["across", "down"].map((id) => document.getElementById(id));
  const write = (id, text) => { document.getElementById(id).textContent = text; };
  const rate = (value) => value.toFixed(3);
  const thin = "\u202f";
  let picture = data.pictures[0];

  const show = () => {
    const [row, column] = [Number(down.value), Number(across.value)];
    const [top, left] = [picture.tops[row], picture.lefts[column]];
    const cover = covered.querySelector("rect");
    cover.setAttribute("x", left);
    cover.setAttribute("y", top);
    alone.setAttribute("viewBox", `${left} ${top} ${picture.side} ${picture.side}`);
    const scores = [picture.covered[row][column], picture.alone[row][column]].map(rate);
    write("covered-score", scores[0]);
    write("alone-score", scores[1]);
    write("whole-score", rate(picture.score));
    write("across-out", `${left}${thin}px`);
    write("down-out", `${top}${thin}px`);
    write("probe-said", `Window at ${left} across, ${top} down: covered ${scores[0]}, alone ${scores[1]}.`);
    across.setAttribute("aria-valuetext", `${left} pixels: covered ${scores[0]}, alone ${scores[1]}`);
    down.setAttribute("aria-valuetext", `${top} pixels: covered ${scores[0]}, alone ${scores[1]}`);
  };

  const nearest = (starts, wanted) =>
    starts.reduce((best, start, k) => (Math.abs(start - wanted) < Math.abs(starts[best] - wanted) ? k : best), 0);
  const drag = (event) => {
    const box = covered.getBoundingClientRect();
    const scale = picture.size / box.width;
    across.value = nearest(picture.lefts, (event.clientX - box.left) * scale - picture.side / 2);
    down.value = nearest(picture.tops, (event.clientY - box.top) * scale - picture.side / 2);
    show();
  };
  covered.addEventListener("pointerdown", (event) => {
    covered.setPointerCapture(event.pointerId);
    drag(event);
  });
  covered.addEventListener("pointermove", (event) => {
    if (event.buttons) drag(event);
  });
  const steps = { ArrowLeft: [across, -1], ArrowRight: [across, 1], ArrowUp: [down, -1], ArrowDown: [down, 1] };
  covered.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    step[0].value = Number(step[0].value) + step[1];
    show();
  });
  for (const slider of [across, down]) slider.addEventListener("input", show);
  for (const radio of probe.querySelectorAll("[name=probed]")) {
    radio.addEventListener("change", () => {
      picture = data.pictures[radio.value];
      for (const svg of [covered, alone]) svg.querySelector("image").setAttribute("href", sources[radio.value]);
      show();
    });
  }

  // Begin where covering changes most.
  const lowest = picture.covered.flat().indexOf(picture.lowest_covered);
  down.value = Math.floor(lowest / picture.lefts.length);
  across.value = lowest % picture.lefts.length;
  probe.hidden = false;
  show();
});
