// The grid worker's pages without a network: pages of the list are fetched ahead, forms are kept as drafts while they are
// typed and sent when there is a network; numbers are checked as they are typed. Without this script all are plain forms.
"use strict";
(function () {
  var bar = document.getElementById("drafts");
  var drafts = window.xqDrafts;
  if (!bar || !drafts) { return; }
  var place = bar.dataset;
  var skew = Number(place.now) - Date.now();
  var ahead = new Map();
  var sending = false;
  var told = "";
  var timer = 0;
  var queue = Promise.resolve();

  function word(name) { return bar.getAttribute("data-t-" + name); }
  function main() { return document.getElementById("main"); }
  function civil(ms) { return new Date(ms + 8 * 3600 * 1000).toISOString(); }
  function now() { return Date.now() + skew; }
  function forms() { return Array.from(main().querySelectorAll("form[data-draft]")); }

  // --- numbers as they are typed
  function checkNumber(input, final) {
    var kind = document.getElementById("f-kind-" + input.name.slice("number-".length));
    var said = input.parentElement.querySelector(".checked") || document.createElement("p");
    said.className = "checked hint";
    said.id = "c-" + input.name;
    said.setAttribute("role", "status");
    input.after(said);
    var problem = input.value ? window.xqNumber(kind.value, input.value, place.countries.split(" "), civil(now()).slice(0, 10)) : "";
    var full = final || input.value.trim().length >= (kind.value === "pr-2017" ? 15 : 18);
    var wrong = Boolean(problem && full);
    said.textContent = wrong ? word(problem) : input.value && !problem ? word("valid") : "";
    said.classList.toggle("error", wrong);
    input.toggleAttribute("aria-invalid", false);
    if (wrong) { input.setAttribute("aria-invalid", "true"); }
    input.setAttribute("aria-describedby", said.id);
  }

  // --- one more person
  function addLine(form) {
    var lines = form.elements.namedItem("lines");
    var n = Number(lines.value);
    var blank = document.getElementById("line").content.firstElementChild.cloneNode(true);
    var html = blank.outerHTML.replaceAll("__", String(n));
    var last = Array.from(form.querySelectorAll("fieldset[data-line]")).pop();
    last.insertAdjacentHTML("afterend", html);
    last.nextElementSibling.querySelector("legend").textContent = last.querySelector("legend").textContent.replace(/[0-9]+/, String(n + 1));
    lines.value = String(n + 1);
    return last.nextElementSibling;
  }

  // --- drafts
  function take(form, state) {
    var fields = Array.from(new FormData(form), function (pair) { return [pair[0], String(pair[1])]; });
    return { id: form.elements.namedItem("key").value, action: form.getAttribute("action"), page: window.location.pathname, title: form.dataset.draft, fields: fields, state: state, at: Date.now() };
  }

  function fill(form, draft) {
    var said = new Map();
    draft.fields.forEach(function (pair) { said.set(pair[0], (said.get(pair[0]) || []).concat(pair[1])); });
    while (said.has("lines") && form.elements.namedItem("lines") && Number(form.elements.namedItem("lines").value) < Number(said.get("lines")[0])) { addLine(form); }
    Array.from(form.elements).forEach(function (field) {
      if (!field.name || ["revision", "lines", "key", "act"].includes(field.name)) { return; }
      var values = said.get(field.name) || [];
      if (field.type === "checkbox" || field.type === "radio") {
        field.checked = values.some(function (one) { return one.split(":")[0] === field.value.split(":")[0]; });
      } else if (values.length) {
        field.value = values[0];
      }
      if (field.name.startsWith("number-")) { checkNumber(field, true); }
    });
    form.elements.namedItem("key").value = draft.id;
    form.dataset.touched = "1";
    var more = form.closest("details");
    if (more) { more.open = true; }
  }

  // In the order in which they come: what is typed never overtakes what was sent.
  function keep(draft) {
    queue = queue.catch(function () {}).then(function () { return drafts.keep(place, draft); });
    return queue;
  }
  function drop(draft) {
    queue = queue.catch(function () {}).then(function () { drafts.drop(draft.id); });
    return queue;
  }

  async function restore() {
    var kept = (await drafts.all(place)).filter(function (one) { return one.state !== "waiting"; });
    forms().forEach(function (form) {
      var mine = kept.filter(function (one) { return one.action === form.getAttribute("action") && one.title === form.dataset.draft; }).pop();
      if (mine && form.dataset.touched !== "1") { fill(form, mine); told = word("restored"); }
    });
    await list();
  }

  function button(text, call) {
    var made = document.createElement("button");
    made.type = "button";
    made.className = "button";
    made.textContent = text;
    made.addEventListener("click", call);
    return made;
  }

  async function list() {
    var kept = (await drafts.all(place)).filter(function (one) { return one.state !== "typing" || one.page !== window.location.pathname; });
    var rows = document.createElement("ul");
    kept.forEach(function (one) {
      var row = document.createElement("li");
      row.append(one.title + " · " + word(one.state) + " · " + civil(one.at + skew).slice(11, 16) + " ");
      if (one.state === "waiting") { row.append(button(word("send"), flush)); }
      if (one.state !== "waiting") { row.append(button(word("open"), function () { open(one.page, true); })); }
      row.append(button(word("drop"), function () {
        if (window.confirm(word("sure"))) { drop(one).then(list); }
      }));
      rows.append(row);
    });
    var said = document.createElement("p");
    said.textContent = told;
    bar.replaceChildren(said, rows);
    bar.hidden = !told && !kept.length;
    bar.dataset.count = String(kept.length);
  }

  function say(text) { told = text; return list(); }

  async function sayOut() {
    await say(word("out"));
    var link = document.createElement("a");
    link.href = "/sign-in?next=" + encodeURIComponent(window.location.pathname);
    link.textContent = word("sign-in");
    bar.firstElementChild.append(" ", link);
  }

  async function flush() {
    if (sending) { return; }
    sending = true;
    try {
      var sent = [];
      for (var one of (await drafts.all(place)).filter(function (draft) { return draft.state === "waiting"; })) {
        var became = await drafts.send(one);
        if (became.sent) { await drop(one); sent.push(one.title); }
        if (became.again) { one.state = "asked"; await keep(one); }
        if (became.out) { await sayOut(); return; }
        if (became.away) { break; }
      }
      if (sent.length) {
        ahead.clear();
        if (!forms().some(function (form) { return form.dataset.touched === "1"; })) { await open(window.location.pathname, false); }
        told = word("sent") + " " + sent.join(", ");
      }
      await list();
    } finally {
      sending = false;
    }
  }

  // --- pages, also without a network
  async function get(address) {
    var stop = new AbortController();
    var timer = window.setTimeout(function () { stop.abort(); }, 6000);
    try {
      var reply = await fetch(address, { headers: { Accept: "text/html" }, signal: stop.signal, credentials: "same-origin" });
      if (reply.redirected && new URL(reply.url).pathname.startsWith("/sign-in")) { window.location.assign(reply.url); return null; }
      var got = { html: await reply.text(), at: Date.now() };
      if (reply.ok) { ahead.set(new URL(address, window.location.href).pathname, got); }
      return got;
    } catch (error) {
      return null;
    } finally {
      window.clearTimeout(timer);
    }
  }

  function show(got, address, push) {
    var page = new DOMParser().parseFromString(got.html, "text/html");
    var next = page.getElementById("drafts");
    if (next) { place.key = next.dataset.key; place.older = next.dataset.older; skew = Number(next.dataset.now) - got.at; }
    main().replaceChildren(...page.getElementById("main").childNodes);
    var nav = page.querySelector(".top nav");
    if (nav && document.querySelector(".top nav")) { document.querySelector(".top nav").replaceWith(nav); }
    document.title = page.title;
    if (push) { window.history.pushState(null, "", address); }
    window.htmx.process(main());
    main().focus();
    window.scrollTo(0, 0);
    var part = address.split("#")[1];
    if (part && document.getElementById(part)) { document.getElementById(part).scrollIntoView(); }
  }

  async function open(address, push) {
    told = "";
    var got = await get(address);
    var path = new URL(address, window.location.href).pathname;
    var kept = got || ahead.get(path);
    if (!kept) { await say(word("unseen")); return; }
    show(kept, address, push);
    if (!got) {
      forms().forEach(function (form) { form.elements.namedItem("key").value = drafts.fresh(); });
      told = word("old").replace("{at}", civil(kept.at + skew).slice(11, 16));
    }
    await restore();
    if (got) { fetchAhead(); }
  }

  async function fetchAhead() {
    var links = Array.from(main().querySelectorAll("a[data-offline]"), function (link) { return link.pathname; });
    for (var path of new Set(links)) {
      if (!ahead.has(path) && navigator.onLine && !(await get(path))) { return; }
    }
  }

  function remember() {
    ahead.set(window.location.pathname, { html: document.documentElement.outerHTML, at: Date.now() });
  }

  // --- what happens on the page
  async function submitted(form) {
    var draft;
    form.dataset.busy = "1";
    window.clearTimeout(timer);
    if (form.elements.namedItem("at") && form.elements.namedItem("at").dataset.typed !== "1") { form.elements.namedItem("at").value = civil(now()).slice(0, 16); }
    try {
      draft = take(form, "waiting");
      await keep(draft);
    } catch (error) {
      form.submit();
      return;
    }
    var became = await drafts.send(draft);
    delete form.dataset.busy;
    delete form.dataset.touched;
    if (became.sent) { await drop(draft); window.location.assign(became.sent); return; }
    if (became.again) {
      await drop(draft);
      show({ html: became.again, at: Date.now() }, window.location.pathname, false);
      for (var again of forms().filter(function (one) { return one.getAttribute("action") === draft.action && one.dataset.draft === draft.title; })) {
        again.dataset.touched = "1";
        await keep(take(again, "typing"));
      }
      var wrong = main().querySelector(".problems, .note[tabindex]");
      if (wrong) { wrong.focus(); }
      return;
    }
    if (became.out) { await sayOut(); return; }
    form.querySelectorAll("button, input, select, textarea").forEach(function (field) { field.disabled = true; });
    await say(word("kept"));
    bar.scrollIntoView();
  }

  document.addEventListener("submit", function (event) { // before ui.js, which forgets all drafts
    var leaves = event.target.getAttribute("action") === "/sign-out";
    if (leaves && Number(bar.dataset.count || 0) && !window.confirm(word("leave"))) { event.preventDefault(); }
  }, true);
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!drafts.able || !form.matches("form[data-draft]")) { return; }
    event.preventDefault();
    if (event.submitter && event.submitter.name === "more") { addLine(form).querySelector("input").focus(); return; }
    if (form.dataset.busy !== "1") { submitted(form); }
  });

  document.addEventListener("click", function (event) {
    var more = event.target instanceof Element && event.target.closest("form[data-draft] button[name=more]");
    if (more) { event.preventDefault(); addLine(more.form).querySelector("input").focus(); return; }
    var link = event.target instanceof Element && event.target.closest("a[data-offline], .top nav a[href^='/collect/']");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || !drafts.able) { return; }
    event.preventDefault();
    open(link.pathname + link.hash, true);
  });

  document.addEventListener("input", function (event) {
    var field = event.target;
    var form = field instanceof Element && field.closest("form[data-draft]");
    if (!form) { return; }
    if (field.name === "at") { field.dataset.typed = "1"; }
    if (field.name.startsWith("number-")) { checkNumber(field, false); }
    form.dataset.touched = "1";
    window.clearTimeout(timer);
    timer = window.setTimeout(function () { if (drafts.able && form.dataset.busy !== "1") { keep(take(form, "typing")); } }, 300);
  });
  document.addEventListener("focusout", function (event) {
    if (event.target instanceof Element && event.target.matches("form[data-draft] input[name^='number-']")) { checkNumber(event.target, true); }
  });
  document.addEventListener("change", function (event) {
    var kind = event.target instanceof Element && event.target.matches("form[data-draft] select[name^='kind-']");
    if (kind) { checkNumber(document.getElementById("f-number-" + event.target.name.slice("kind-".length)), false); }
  });

  if (!drafts.able) { return; }
  window.addEventListener("popstate", function () { open(window.location.pathname, false); });
  window.addEventListener("online", flush);
  window.setInterval(flush, 30000);
  remember();
  restore().then(flush).then(fetchAhead);
})();
