// The texts that the page has for its scripts, in its language, and how that language writes spans of time.

import { one } from "./elements.js";

/** @type {Record<string, string>} */
const words = JSON.parse(one(HTMLScriptElement, "#words").text);

/** The language of the page. */
export const language = document.documentElement.lang;

/** The language in which times are written. English ones are written as ISO 8601 has them, as in Swedish. */
export const clockLanguage = language === "en" ? "sv" : language;

/**
 * The text of a name, with these values in its places.
 * @param {string} name
 * @param {Record<string, string | number>} [values]
 */
export function say(name, values = {}) {
  return words[name].replace(/\{(\w+)\}/g, (_, place) => String(values[place]));
}

/**
 * So many seconds in words: `5 minutes`, and how long ago that is.
 * @param {number} seconds
 */
export function spanOf(seconds) {
  const [number, unit] =
    seconds < 60
      ? [Math.max(10, 10 * Math.floor(seconds / 10)), "second"]
      : seconds < 3600
        ? [Math.floor(seconds / 60), "minute"]
        : seconds < 172_800
          ? [Math.floor(seconds / 3600), "hour"]
          : [Math.floor(seconds / 86_400), "day"];
  return {
    span: new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(number),
    ago: new Intl.RelativeTimeFormat(language).format(-number, /** @type {Intl.RelativeTimeFormatUnit} */ (unit)),
  };
}
