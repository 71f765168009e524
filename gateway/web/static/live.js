// Says when the page is cut off from its server, and joins again: the stream reconnects by itself, and when a line that
// failed answers again the live part is fetched anew, so that a stream that died unnoticed is replaced.
"use strict";
(function () {
  var offline = document.getElementById("offline");
  var streamLost = false;
  var pulseLost = false;
  var seen = ""; // the id of the last event that came

  function older(id) { // than what came, of the same run of the server
    var one = id.split("-");
    var last = seen.split("-");
    return one[0] === last[0] && Number(one[1]) < Number(last[1]);
  }

  function show() {
    var lost = streamLost || pulseLost;
    if (offline.hidden === lost) {
      offline.hidden = !lost;
      document.body.classList.toggle("cut-off", lost);
      document.dispatchEvent(new CustomEvent(lost ? "xq:lost" : "xq:back"));
    }
  }
  function isPulse(event) {
    return event.target instanceof Element && event.target.hasAttribute("data-pulse");
  }
  function pulseFailed(event) {
    if (isPulse(event)) {
      pulseLost = true;
      show();
    }
  }

  document.addEventListener("htmx:oobBeforeSwap", function (event) { // a row that came by another way is not there twice
    var put = event.detail.fragment;
    if (!(put instanceof Element) || !put.hasAttribute("data-new")) { return; }
    Array.prototype.forEach.call(put.children, function (row) {
      var there = document.getElementById(row.id);
      if (there) { there.remove(); }
    });
  });
  document.addEventListener("htmx:sseMessage", function (event) { seen = event.detail.lastEventId || seen; });
  document.addEventListener("htmx:afterSwap", function (event) { // an event overtook the part that was asked for
    var mark = isPulse(event) && event.target.querySelector("[data-at]");
    if (mark && older(mark.dataset.at)) { event.target.dispatchEvent(new CustomEvent("xq:look")); }
  });
  document.addEventListener("htmx:sseOpen", function () { streamLost = false; show(); });
  document.addEventListener("htmx:sseError", function () { streamLost = true; show(); });
  document.addEventListener("htmx:sendError", pulseFailed);
  document.addEventListener("htmx:timeout", pulseFailed);
  document.addEventListener("htmx:responseError", pulseFailed);
  document.addEventListener("htmx:afterOnLoad", function (event) {
    if (!isPulse(event) || !pulseLost || event.detail.xhr.status !== 200) { return; }
    pulseLost = false;
    show();
    var live = document.getElementById("live");
    if (live) { window.htmx.ajax("GET", "/gate/live?lang=" + document.documentElement.lang.slice(0, 2), { target: live, swap: "outerHTML" }); }
  });
  window.addEventListener("online", function () {
    document.querySelectorAll("[data-pulse]").forEach(function (pulse) { pulse.dispatchEvent(new CustomEvent("xq:look")); });
  });
  window.addEventListener("offline", function () { pulseLost = true; show(); });
  window.addEventListener("online", function () { // where a line is looked after, its pulse says that it is back
    if (!document.querySelector("[data-pulse]")) { pulseLost = false; show(); }
  });
})();
