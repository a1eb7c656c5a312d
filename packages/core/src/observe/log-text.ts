/** Longest value in a log line, in UTF-16 units. */
const MAX_VALUE = 256;
const HIDDEN = "***";

/**
 * What JSON may hold as it is and a terminal, a pager or a line-based tool acts on: C0, DEL, C1, bidi overrides and other
 * characters without a shape, U+2028 and U+2029, halves of surrogate pairs.
 */
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** One line of JSON without a single control character; values that are `undefined` are left out. */
export function logLine(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const json = JSON.stringify(values, (_name, value: unknown) => (typeof value === "string" ? capped(value) : value));
  return json.replace(ACTIVE, escaped);
}

function capped(value: string): string {
  return value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE - 1)}…` : value;
}

function escaped(character: string): string {
  let text = "";
  // By UTF-16 units: JSON has no other escape for what is beyond U+FFFF.
  for (let i = 0; i < character.length; i++) text += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  return text;
}

/**
 * A request target or an origin without what may be secret in it: user and password, the values of query and path
 * parameters (`;name=value`), query parameters without a name, and the fragment.
 */
export function redactUrl(url: string): string {
  // A client that encodes its URL once too often sends query and fragment inside the path.
  const [beforeFragment = "", ...fragments] = url.split(/#|%23/i);
  const mark = /\?|%3f/i.exec(beforeFragment);
  const path = mark === null ? beforeFragment : beforeFragment.slice(0, mark.index);
  const query =
    mark === null
      ? ""
      : `?${beforeFragment
          .slice(mark.index + mark[0].length)
          .split("&")
          .map(redactParameter)
          .join("&")}`;
  return `${redactPath(path)}${query}${fragments.length > 0 ? `#${HIDDEN}` : ""}`;
}

function redactPath(path: string): string {
  return path.replace(/^([a-z][a-z\d+.-]*:)?\/\/[^/]*@/i, `$1//${HIDDEN}@`).replace(/(;[^;/=]*=)[^;/]*/g, `$1${HIDDEN}`);
}

function redactParameter(parameter: string): string {
  const equals = parameter.indexOf("=");
  // `?TOKEN` has no name, and neither has one in base64 with its padding: `?dG9rZW4=`.
  return equals < 1 || /^=*$/.test(parameter.slice(equals)) ? HIDDEN : `${parameter.slice(0, equals)}=${HIDDEN}`;
}
