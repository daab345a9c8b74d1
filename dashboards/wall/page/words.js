/* The language that is spoken: one table of words, chosen by the address, the layout, what was chosen before, or the browser.

   `words` is the table in force. A name that comes from outside is never looked up as a word but in the table of its kind,
   and shown as it is when it is not there. */
import chinese from "/chinese.js";
import english from "/english.js";

export const LANGUAGES = { en: english, zh: chinese };
export let words = english;
export let language = "en";

const stored = () => { try { return localStorage.getItem("language"); } catch { return null; } };
const spoken = () => ((navigator.languages?.[0] ?? navigator.language ?? "").toLowerCase().startsWith("zh") ? "zh" : "en");

export function speak(asked, remember = false) {
  language = [asked, stored(), spoken()].find((name) => Object.hasOwn(LANGUAGES, name ?? "")) ?? "en";
  words = LANGUAGES[language];
  document.documentElement.lang = words.locale;
  if (remember) try { localStorage.setItem("language", language); } catch { /* Private window: the choice lasts until it closes. */ }
}

/* What a known name is called, null for one that is not known. */
export const called = (table, name) => (Object.hasOwn(words[table], name) ? words[table][name] : null);
