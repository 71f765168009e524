// The guard's keyboard and ear: keys 1 to 6 answer the oldest card, tones say what came, cards of people who left go.
"use strict";
(function () {
  var ROWS = 30;
  var FADES_MS = 90000;
  var SAID_MS = 6000;
  var DEBOUNCE_MS = 400;
  var NIGHT_LEVEL = 0.25;
  var lastKey = -DEBOUNCE_MS;

  // cards
  function cards() { return Array.prototype.slice.call(document.querySelectorAll("#cards > .card")); }
  function expire() {
    cards().forEach(function (card) {
      if (card.since === undefined) { card.since = performance.now() - 1000 * Number(card.dataset.age || 0); }
      if (performance.now() - card.since > FADES_MS && !card.contains(document.activeElement)) { card.remove(); }
    });
  }
  function isTyping(target) {
    return target instanceof Element && target.matches("input[type=text], textarea, select, [contenteditable]");
  }
  document.addEventListener("keydown", function (event) {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) { return; }
    if (!/^[1-6]$/.test(event.key) || performance.now() - lastKey < DEBOUNCE_MS) { return; }
    var card = document.querySelector("#cards > .card:not(.answering)");
    var button = card && card.querySelector("button[data-key='" + event.key + "']");
    if (button && !button.closest("[hidden]")) {
      lastKey = performance.now();
      event.preventDefault();
      button.click();
    }
  });
  document.addEventListener("htmx:beforeRequest", function (event) {
    if (event.target.matches(".card")) { event.target.classList.add("answering"); }
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    var card = event.target;
    if (!(card instanceof Element) || !card.matches(".card")) { return; }
    if (event.detail.successful || card.answered) { card.remove(); } else { card.classList.remove("answering"); }
  });

  var cleared = 0;
  document.addEventListener("htmx:afterSwap", function (event) {
    if (event.target.id !== "said") { return; }
    window.clearTimeout(cleared);
    cleared = window.setTimeout(function () { event.target.replaceChildren(); }, SAID_MS);
  });

  // forms: what is refused is said in its own words; what was done clears the form and folds it
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (event.detail.target.id !== "said" || [422, 423, 503].indexOf(event.detail.xhr.status) < 0) { return; }
    if (event.detail.xhr.getResponseHeader("content-type").indexOf("text/html") !== 0) { return; }
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    var form = event.target;
    if (!(form instanceof Element) || !form.matches("[data-clears]") || event.detail.xhr.status !== 200) { return; }
    form.reset();
    form.closest("details").open = false;
  });
  document.addEventListener("toggle", function (event) {
    if (!(event.target instanceof Element) || !event.target.matches(".folds > details") || !event.target.open) { return; }
    document.querySelectorAll(".folds > details[open]").forEach(function (other) { other.open = other === event.target; });
  }, true);

  // stream
  document.addEventListener("htmx:sseBeforeMessage", function (event) {
    var found = /id="(r-[^"]+)"/.exec(event.detail.data || "");
    if (found && document.getElementById(found[1])) { event.preventDefault(); }
  });
  document.addEventListener("htmx:sseMessage", function (event) {
    if (event.detail.type === "doors" && document.querySelector("#doors > :first-child[data-alarm]")) { play("door"); }
    if (event.detail.type !== "shown") { return; }
    var stream = document.getElementById("stream");
    var row = stream.firstElementChild;
    if (!row) { return; }
    row.classList.add("new");
    var answered = row.dataset.answers && document.getElementById(row.dataset.answers);
    if (answered && answered.matches(".answering")) {
      answered.answered = true; // gone only when the answer is here: htmx says nothing for a card that has left the page
    } else if (answered) {
      answered.remove();
    }
    while (stream.children.length > ROWS) { stream.lastElementChild.remove(); }
    expire();
    play(row.dataset.verdict);
  });
  window.setInterval(expire, 1000);

  // tones: [frequency in Hz, begin and length in seconds]
  var TONES = {
    grant: [[1318, 0, 0.07]],
    attend: [[784, 0, 0.16], [1047, 0.2, 0.22]],
    refuse: [[233, 0, 0.3], [196, 0.32, 0.35]],
    door: [[880, 0, 0.18], [622, 0.2, 0.18], [880, 0.4, 0.18], [622, 0.6, 0.18]],
    lost: [[523, 0, 0.15], [415, 0.18, 0.15], [330, 0.36, 0.25]],
    back: [[659, 0, 0.1], [880, 0.12, 0.14]]
  };
  var sound = document.getElementById("sound");
  var context = null;
  var muted = false;
  try { muted = window.localStorage.getItem("xq-muted") === "1"; } catch (ignored) { muted = false; }

  function label() {
    sound.setAttribute("aria-pressed", String(!muted));
    sound.textContent = muted ? sound.dataset.off : sound.dataset.on;
  }
  function wake() {
    if (!context && window.AudioContext) { context = new window.AudioContext(); }
    if (context && context.state === "suspended") { context.resume(); }
  }
  function play(name) {
    if (muted || !context || context.state !== "running" || !TONES[name]) { return; }
    var hour = new Date().getHours();
    var level = 0.2 * (hour >= 22 || hour < 6 ? NIGHT_LEVEL : 1);
    TONES[name].forEach(function (tone) {
      var begin = context.currentTime + tone[1];
      var source = context.createOscillator();
      var gain = context.createGain();
      source.frequency.value = tone[0];
      gain.gain.setValueAtTime(0, begin);
      gain.gain.linearRampToValueAtTime(level, begin + 0.01);
      gain.gain.linearRampToValueAtTime(0, begin + tone[2]);
      source.connect(gain).connect(context.destination);
      source.start(begin);
      source.stop(begin + tone[2] + 0.05);
    });
  }
  sound.addEventListener("click", function () {
    muted = !muted;
    try { window.localStorage.setItem("xq-muted", muted ? "1" : "0"); } catch (ignored) { /* kept for this page only */ }
    label();
    if (!muted) { wake(); }
  });
  document.addEventListener("pointerdown", wake);
  document.addEventListener("keydown", wake);
  document.addEventListener("xq:lost", function () { play("lost"); });
  document.addEventListener("xq:back", function () { play("back"); });
  label();
})();
