// The guard's keyboard and ear: keys 1 to 6 answer the oldest card, tones say what came, cards of people who left go.
"use strict";
(function () {
  var ROWS = 30;
  var FADES_MS = 90000;
  var SAID_MS = 6000;
  var DEBOUNCE_MS = 400;
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
    return target instanceof Element && target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
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

  // tones: [frequency in Hz, begin and length in seconds]; which sound and how loud is kept on this computer
  var TONES = {
    grant: [[1318, 0, 0.07]],
    attend: [[784, 0, 0.16], [1047, 0.2, 0.22]],
    refuse: [[233, 0, 0.3], [196, 0.32, 0.35]],
    door: [[880, 0, 0.18], [622, 0.2, 0.18], [880, 0.4, 0.18], [622, 0.6, 0.18]],
    lost: [[523, 0, 0.15], [415, 0.18, 0.15], [330, 0.36, 0.25]],
    back: [[659, 0, 0.1], [880, 0.12, 0.14]]
  };
  var LEVELS = { 1: 0.04, 2: 0.2, 3: 0.6 };
  var sound = document.getElementById("sound");
  var context = null;
  var chosen = { off: [], day: "2", night: "1", from: "22:00", to: "06:00" };
  try { chosen = Object.assign(chosen, JSON.parse(window.localStorage.getItem("xq-tones") || "{}")); } catch (ignored) { /* as it comes */ }

  function label() {
    var on = context !== null && context.state === "running";
    sound.textContent = on ? sound.dataset.on : sound.dataset.off;
    sound.classList.toggle("silent", !on);
  }
  function wake() {
    if (!context && window.AudioContext) {
      context = new window.AudioContext();
      context.addEventListener("statechange", label);
    }
    if (context && context.state === "suspended") { context.resume(); }
    label();
    try { window.sessionStorage.setItem("xq-heard", "1"); } catch (ignored) { /* asked again on the next page */ }
  }
  function isNight(time) {
    return chosen.from <= chosen.to ? time >= chosen.from && time < chosen.to : time >= chosen.from || time < chosen.to;
  }
  function level() {
    var now = new Date();
    var time = ("0" + now.getHours()).slice(-2) + ":" + ("0" + now.getMinutes()).slice(-2);
    return LEVELS[isNight(time) ? chosen.night : chosen.day] || LEVELS[2];
  }
  function play(name) {
    if (!TONES[name] || (name !== "door" && chosen.off.indexOf(name === "back" ? "lost" : name) >= 0)) { return; }
    sing(name);
  }
  function sing(name) {
    if (!context || context.state !== "running") { return; }
    TONES[name].forEach(function (tone) {
      var begin = context.currentTime + tone[1];
      var source = context.createOscillator();
      var gain = context.createGain();
      source.frequency.value = tone[0];
      gain.gain.setValueAtTime(0, begin);
      gain.gain.linearRampToValueAtTime(level(), begin + 0.01);
      gain.gain.linearRampToValueAtTime(0, begin + tone[2]);
      source.connect(gain).connect(context.destination);
      source.start(begin);
      source.stop(begin + tone[2] + 0.05);
    });
  }
  document.addEventListener("pointerdown", wake);
  document.addEventListener("keydown", wake);
  label();
  try { // a touch on the page before this one holds here
    if (window.sessionStorage.getItem("xq-heard") && document.referrer.indexOf(window.location.origin + "/gate") === 0) { wake(); }
  } catch (ignored) { /* the next touch will do */ }

  // the page of the post: what is chosen holds at once
  var form = document.getElementById("tones");
  if (form) {
    ["grant", "attend", "refuse", "lost"].forEach(function (name) { form.elements[name].checked = chosen.off.indexOf(name) < 0; });
    ["day", "night", "from", "to"].forEach(function (name) { form.elements[name].value = chosen[name]; });
    form.addEventListener("change", function () {
      chosen.off = ["grant", "attend", "refuse", "lost"].filter(function (name) { return !form.elements[name].checked; });
      ["day", "night", "from", "to"].forEach(function (name) { chosen[name] = form.elements[name].value || chosen[name]; });
      try {
        window.localStorage.setItem("xq-tones", JSON.stringify(chosen));
        document.getElementById("kept").textContent = document.getElementById("kept").dataset.text;
      } catch (ignored) { /* kept for this page only */ }
    });
    form.addEventListener("click", function (event) {
      if (event.target instanceof Element && event.target.matches("[data-try]")) { wake(); sing(event.target.dataset.try); }
    });
  }

  // cut off: since when, and how often the page has tried again
  var since = null;
  var tries = 0;
  function lostSays() {
    var says = document.getElementById("offline-since");
    if (says && since) { says.textContent = says.dataset.text.replace("{since}", since).replace("{n}", String(tries)); }
  }
  document.addEventListener("xq:lost", function () {
    since = new Date().toTimeString().slice(0, 8);
    tries = 0;
    lostSays();
    play("lost");
  });
  document.addEventListener("xq:back", function () { since = null; play("back"); });
  ["htmx:sseError", "htmx:sendError", "htmx:timeout"].forEach(function (name) {
    document.addEventListener(name, function () { tries += 1; lostSays(); });
  });
})();
