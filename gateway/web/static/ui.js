// Small manners of every page: dialogs open and close, pages print, what could not be sent is said, and whoever signs out
// leaves no draft behind.
"use strict";
(function () {
  var SAID_MS = 8000;
  var failed = document.getElementById("failed");
  var cleared = 0;

  document.addEventListener("click", function (event) {
    if (!(event.target instanceof Element)) { return; }
    var opener = event.target.closest("[data-opens]");
    var closer = event.target.closest("[data-closes]");
    if (opener) { document.getElementById(opener.dataset.opens).showModal(); }
    if (closer) { closer.closest("dialog").close(); }
    if (event.target.closest("[data-print]")) { window.print(); }
  });

  document.addEventListener("submit", function (event) {
    if (event.defaultPrevented || !(event.target.getAttribute("action") || "").startsWith("/sign-out")) { return; }
    Object.keys(window.localStorage).forEach(function (name) {
      if (name.startsWith("xq-draft-")) { window.localStorage.removeItem(name); }
    });
  });

  function say(event) {
    if (event.target instanceof Element && event.target.closest("[data-pulse]")) { return; }
    failed.textContent = failed.dataset.text;
    window.clearTimeout(cleared);
    cleared = window.setTimeout(function () { failed.textContent = ""; }, SAID_MS);
  }
  ["htmx:sendError", "htmx:timeout", "htmx:responseError"].forEach(function (name) {
    document.addEventListener(name, say);
  });

  var problems = document.querySelector(".problems");
  if (problems) { problems.focus(); }
})();
