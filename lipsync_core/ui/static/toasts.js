// What Gradio itself says in a toast, in the visitor's language: its titles, and files that it refuses in the browser.
"use strict";
(() => {
  const all = window.toastWords, wanted = navigator.language.toLowerCase();
  const words = all[wanted] ?? all[wanted.split("-")[0]] ?? all.en;
  const titles = { Error: words.failed, Warning: words.failed, Info: words.note, Success: words.note };
  const texts = [
    [/^Invalid file types?: (.*)\. Only .*image.* allowed\.$/s, words.no_picture],
    [/^Invalid file types?: (.*)\. Only .* allowed\.$/s, words.no_sound],
    [/^File\(s\) exceed the maximum allowed size of [^"]*: "(.*)"$/s, words.too_large],
    [/^Connection (errored out|to the server was lost)/, words.connection_lost],
  ];

  function say(element, text) {
    if (text && text !== element.textContent.trim()) element.replaceChildren(text);
  }

  function told(text) {
    for (const [pattern, sentence] of texts) {
      const found = pattern.exec(text);
      if (found) return sentence.replace("{name}", () => found[1]);
    }
    return text;
  }

  new MutationObserver(() => {
    for (const title of document.querySelectorAll(".toast-title")) {
      const word = titles[title.firstChild?.data?.trim()]; // beside it is how many messages it stands over
      if (word) title.firstChild.data = `${word} `;
    }
    for (const text of document.querySelectorAll("[data-testid=toast-text]")) say(text, told(text.textContent.trim()));
  }).observe(document, { childList: true, subtree: true });
})();
