// Searches the words of all pages: each word has to occur; titles count most.
"use strict";
(() => {
  const up = document.currentScript.dataset.up;
  const box = document.getElementById("search");
  const found = document.getElementById("found");
  const pages = window.PAGES.map((page) => ({ ...page, low: page.words.toLowerCase(), name: page.title.toLowerCase() }));

  function weight(page, words) {
    let sum = 0;
    for (const word of words) {
      const times = page.low.split(word).length - 1 + (page.name.includes(word) ? 50 : 0);
      if (!times) return 0;
      sum += times;
    }
    return sum;
  }

  function show() {
    const words = box.value.toLowerCase().split(/\s+/).filter((word) => word.length > 1);
    found.replaceChildren();
    if (!words.length) return;
    const best = pages.map((page) => [weight(page, words), page]).filter(([sum]) => sum)
      .sort((one, other) => other[0] - one[0]).slice(0, 12);
    const list = document.createElement("ul");
    for (const [, page] of best) {
      const link = document.createElement("a");
      link.href = `${up}/${page.path}`;
      link.textContent = page.title;
      list.appendChild(document.createElement("li")).appendChild(link);
    }
    found.append(best.length ? list : "Nothing found.");
  }

  box.addEventListener("input", show);
  box.form.addEventListener("submit", (event) => {
    event.preventDefault();
    found.querySelector("a")?.click();
  });
})();
