// Forms that are not sent yet, kept in this browser: encrypted with a key that only the account's pages bring, for a day at
// most, gone when they are sent and on signing out. The key of the form makes of two sendings one.
"use strict";
(function () {
  var STORE = "xq-draft-";
  var LONGEST_MS = 24 * 3600 * 1000;
  var store = window.localStorage;
  var subtle = window.crypto && window.crypto.subtle;

  function bytes(hex) { return Uint8Array.from(hex.match(/../g), function (two) { return parseInt(two, 16); }); }
  function text64(data) { return window.btoa(Array.from(new Uint8Array(data), function (one) { return String.fromCharCode(one); }).join("")); }
  function data64(text) { return Uint8Array.from(window.atob(text), function (one) { return one.charCodeAt(0); }); }
  function secret(hex) { return subtle.importKey("raw", bytes(hex), "AES-GCM", false, ["encrypt", "decrypt"]); }
  function names() { return Object.keys(store).filter(function (name) { return name.startsWith(STORE); }); }

  function drop(id) { store.removeItem(STORE + id); }

  // What is too old goes, whosever it is, also where nobody reads it.
  function forgetOld() {
    names().forEach(function (name) {
      var at = 0;
      try { at = Number(JSON.parse(store.getItem(name)).at); } catch (error) { at = 0; }
      if (!(at > Date.now() - LONGEST_MS && at <= Date.now() + LONGEST_MS)) { store.removeItem(name); }
    });
  }

  async function keep(place, draft) {
    var iv = window.crypto.getRandomValues(new Uint8Array(12));
    var said = new TextEncoder().encode(JSON.stringify(draft));
    var sealed = await subtle.encrypt({ name: "AES-GCM", iv: iv }, await secret(place.key), said);
    store.setItem(STORE + draft.id, JSON.stringify({ account: place.account, at: draft.at, iv: text64(iv), data: text64(sealed) }));
  }

  async function read(place, name) {
    var kept = JSON.parse(store.getItem(name) || "null");
    if (!kept || kept.account !== place.account) { return null; }
    for (var hex of [place.key, place.older]) {
      try {
        var plain = await subtle.decrypt({ name: "AES-GCM", iv: data64(kept.iv) }, await secret(hex), data64(kept.data));
        return JSON.parse(new TextDecoder().decode(plain));
      } catch (error) { continue; }
    }
    return null;
  }

  async function all(place) {
    forgetOld();
    var found = await Promise.all(names().map(function (name) { return read(place, name).catch(function () { return null; }); }));
    return found.filter(Boolean).sort(function (one, other) { return one.at - other.at; });
  }

  // A form goes to the server once; what becomes of it: {sent: address} {again: page} {out: true} {away: true}.
  async function send(draft) {
    var stop = new AbortController();
    var timer = window.setTimeout(function () { stop.abort(); }, 20000);
    try {
      var reply = await fetch(draft.action, {
        method: "POST", body: new URLSearchParams(draft.fields), headers: { Accept: "text/html" }, signal: stop.signal, credentials: "same-origin",
      });
      var page = await reply.text();
      if (reply.redirected && new URL(reply.url).pathname.startsWith("/sign-in")) { return { out: true }; }
      if (reply.redirected && reply.ok) { return { sent: reply.url }; }
      return reply.status >= 500 || reply.status === 429 ? { away: true } : { again: page };
    } catch (error) {
      return { away: true };
    } finally {
      window.clearTimeout(timer);
    }
  }

  function fresh() {
    return Array.from(window.crypto.getRandomValues(new Uint8Array(16)), function (one) { return one.toString(16).padStart(2, "0"); }).join("");
  }

  window.xqDrafts = { able: Boolean(subtle && store), keep: keep, all: all, drop: drop, send: send, fresh: fresh };
})();
