// What is wrong with a document's number while it is typed: the same codes, in the same order, as rules/identity.py gives.
"use strict";
(function () {
  var PROVINCES = /^(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71)$/;
  var PERMITS = /^8[123]0000$/;
  var WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
  var FORMS = [
    [/^9[0-9]{16}[0-9X]$/, "pr-2023"], [/^8[0-9]{16}[0-9X]$/, "permit"], [/^[0-9]{17}[0-9X]$/, "citizen"],
    [/^[A-Z]{3}[0-9]{12}$/, "pr-2017"], [/^[0-9]{15}$/, "legacy"], [/^[HM][0-9]{8}([0-9]{2})?$/, "travel"],
    [/^[0-9]{8}([0-9]{2})?$/, "travel"],
  ];

  function tidy(text) { return text.slice(0, 65).normalize("NFKC").trim().toUpperCase(); }

  function checkDigit(first17) {
    var sum = 0;
    for (var i = 0; i < 17; i += 1) { sum += WEIGHTS[i] * Number(first17[i]); }
    return "10X98765432"[sum % 11];
  }

  function passportDigit(text) {
    var sum = 0;
    for (var i = 0; i < text.length; i += 1) { sum += parseInt(text[i], 36) * [7, 3, 1][i % 3]; }
    return String(sum % 10);
  }

  function day(digits) {
    var year = Number(digits.slice(0, 4)), month = Number(digits.slice(4, 6)), of = Number(digits.slice(6));
    var found = new Date(Date.UTC(year, month - 1, of));
    var real = year >= 1880 && found.getUTCFullYear() === year && found.getUTCMonth() === month - 1 && found.getUTCDate() === of;
    return real ? digits : "";
  }

  function eighteen(text, wrong) {
    if (wrong) { return wrong; }
    if (!day(text.slice(6, 14))) { return "date"; }
    return checkDigit(text) === text[17] ? "" : "check_digit";
  }

  function pr2017(text, countries) {
    if (!countries.some(function (one) { return one.slice(0, 3) === text.slice(0, 3); })) { return "country"; }
    if (!PROVINCES.test(text.slice(3, 5))) { return "region"; }
    if (!day("20" + text.slice(7, 13)) && !day("19" + text.slice(7, 13))) { return "date"; }
    return passportDigit(text.slice(0, 14)) === text[14] ? "" : "check_digit";
  }

  function problemOf(form, text, countries) {
    if (form === "pr-2023") {
      var known = countries.some(function (one) { return one.slice(3) === text.slice(3, 6); });
      return eighteen(text, PROVINCES.test(text.slice(1, 3)) ? known ? "" : "country" : "region");
    }
    if (form === "permit") { return eighteen(text, PERMITS.test(text.slice(0, 6)) ? "" : "region"); }
    if (form === "citizen") { return eighteen(text, PROVINCES.test(text.slice(0, 2)) ? "" : "region"); }
    return pr2017(text, countries);
  }

  function shapeOf(text) {
    var lengths = /^[0-9]+$/.test(text) ? [8, 10, 15, 18] : [9, 11, 15, 18];
    return lengths.includes(text.length) ? "characters" : "length";
  }

  // The code of what is wrong with a number of this kind of document, or "". `today` is an ISO date, `countries` the
  // pairs of alpha-3 and numeric code: nobody is born after today.
  window.xqNumber = function (kind, typed, countries, today) {
    var text = tidy(typed);
    var form = FORMS.find(function (one) { return one[0].test(text); });
    if (kind === "citizen-id" && form && form[1] === "legacy") {
      var first17 = text.slice(0, 6) + "19" + text.slice(6);
      text = first17 + checkDigit(first17);
      form = FORMS.find(function (one) { return one[0].test(text); });
    }
    if (!form) { return shapeOf(text); }
    if (form[1] === "travel") { return "length"; }
    if (form[1] === "legacy") {
      var wrong = !PROVINCES.test(text.slice(0, 2)) ? "region" : day("19" + text.slice(6, 12)) ? "" : "date";
      return wrong || "length";
    }
    var problem = problemOf(form[1], text, countries);
    if (problem) { return problem; }
    if ((form[1] === "pr-2017") !== (kind === "pr-2017")) { return "length"; }
    return form[1] !== "pr-2017" && text.slice(6, 14) > today.replaceAll("-", "") ? "date" : "";
  };
})();
