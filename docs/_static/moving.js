// Sliders over states that were computed when the page was built: each place of the sliders shows one of them.
"use strict";

function numbers(ranges) {
  const found = new Set();
  for (const range of ranges.split(",")) {
    const [first, last = first] = range.split("-").map(Number);
    for (let k = first; k <= last; k++) found.add(k);
  }
  return found;
}

function moving(figure) {
  const told = JSON.parse(figure.querySelector("script").textContent);
  const parts = [...figure.querySelectorAll("[data-in]")].map((part) => [part, numbers(part.dataset.in)]);
  const inputs = [...figure.querySelectorAll("input")];
  const caption = figure.querySelector("figcaption");
  const button = figure.querySelector("button");
  let timer = 0;

  function show() {
    let state = 0;
    inputs.forEach((input, k) => {
      const place = Number(input.value);
      const written = told.places[k][place];
      state = state * told.places[k].length + place;
      input.setAttribute("aria-valuetext", written);
      input.nextElementSibling.value = written;
    });
    for (const [part, within] of parts) part.style.display = within.has(state) ? "" : "none";
    caption.textContent = told.says[state];
    figure.dataset.state = state;
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    button.textContent = "▶ play";
  }

  function play() {
    const input = inputs[inputs.length - 1];
    if (timer) return stop();
    if (input.value === input.max) input.value = 0;
    button.textContent = "❚❚ pause";
    show();
    timer = setInterval(() => {
      input.stepUp();
      show();
      if (input.value === input.max) stop();
    }, 900);
  }

  for (const input of inputs) {
    input.addEventListener("input", () => {
      if (timer) stop();
      show();
    });
  }
  if (button) button.addEventListener("click", play);
  figure.querySelector(".controls").hidden = false;
  show();
}

document.querySelectorAll("figure.moving").forEach(moving);
