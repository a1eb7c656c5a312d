// A light reader of TypeScript source: enough to see imports and words in code, without a compiler API
// (TypeScript 7 has none to import).

/**
 * The source with every comment blanked (`text`), and with strings, templates and regular expressions blanked too (`code`).
 * Blanks keep offsets and line breaks, so a place in one is the same place in the other.
 */
export function blank(source) {
  const text = source.split("");
  const code = source.split("");
  // Depths of braces at which a `${` was opened: its `}` returns to the template around it.
  const templates = [];
  let depth = 0;
  let at = 0;

  const skipTemplate = () => {
    const from = at;
    while (at < source.length) {
      if (source[at] === "\\") at += 2;
      else if (source[at] === "`") {
        erase(code, from, at++);
        return;
      } else if (source.startsWith("${", at)) {
        erase(code, from, at);
        at += 2;
        templates.push(depth++);
        return;
      } else at++;
    }
  };

  while (at < source.length) {
    const char = source[at];
    const from = at;
    if (source.startsWith("//", at)) {
      at = indexOrEnd(source, "\n", at);
      erase(text, from, at);
      erase(code, from, at);
    } else if (source.startsWith("/*", at)) {
      at = Math.min(indexOrEnd(source, "*/", at + 2) + 2, source.length);
      erase(text, from, at);
      erase(code, from, at);
    } else if (char === '"' || char === "'") {
      for (at++; at < source.length && source[at] !== char && source[at] !== "\n"; at++) if (source[at] === "\\") at++;
      erase(code, from + 1, at++);
    } else if (char === "`") {
      at++;
      skipTemplate();
    } else if (char === "/" && startsRegExp(code, at)) {
      let inClass = false;
      for (at++; at < source.length && (inClass || source[at] !== "/") && source[at] !== "\n"; at++) {
        if (source[at] === "\\") at++;
        else if (source[at] === "[") inClass = true;
        else if (source[at] === "]") inClass = false;
      }
      erase(code, from + 1, at++);
    } else {
      at++;
      if (char === "{") depth++;
      if (char === "}") {
        depth--;
        if (templates.at(-1) === depth) {
          templates.pop();
          skipTemplate();
        }
      }
    }
  }
  return { text: text.join(""), code: code.join("") };
}

/** Every module specifier of the source, type-only and dynamic imports and re-exports included. */
export function importsOf({ text, code }) {
  const statement = /\b(?:import|export)\b(?:\s+type\b)?[\s\w$*{},]*?(?:\bfrom\s*|(?<=import)\s*)(["'])/g;
  const call = /\bimport\s*\(\s*(["'`])/g;
  const found = [];
  for (const pattern of [statement, call]) {
    for (const match of code.matchAll(pattern)) {
      const start = match.index + match[0].length;
      const end = text.indexOf(match[1], start);
      found.push({ specifier: text.slice(start, end), offset: match.index });
    }
  }
  return found;
}

/** `any` as a type. As a name it follows a dot (`Promise.any`) or stands before `(` or, in an object, before `:`. */
export function anyTypes({ code }) {
  return [...code.matchAll(/(?<![.\w$])any(?![\w$]|\s*\()/g)]
    .map((match) => match.index)
    .filter((offset) => !(/^any\s*\??\s*[:(]/.test(code.slice(offset)) && /[{,;(]\s*$/.test(code.slice(0, offset))));
}

/** Underscore fields: `x._socket`, `x["_socket"]`. */
export function privateFields({ text, code }) {
  const quoted = [...text.matchAll(/\[\s*["'`]_[a-z]/g)].filter((match) => code[match.index] === "[");
  return [...code.matchAll(/\._[a-z]/g), ...quoted].map((match) => match.index);
}

export function lineAt(source, offset) {
  return source.slice(0, offset).split("\n").length;
}

function erase(chars, from, to) {
  for (let i = from; i < to; i++) if (chars[i] !== "\n") chars[i] = " ";
}

function indexOrEnd(source, what, from) {
  const index = source.indexOf(what, from);
  return index === -1 ? source.length : index;
}

// A slash divides after a value and opens a regular expression anywhere else.
function startsRegExp(code, at) {
  let i = at - 1;
  while (i >= 0 && /\s/.test(code[i])) i--;
  if (i < 0 || !/[\w$)\]}"'`]/.test(code[i])) return true;
  let word = "";
  while (i >= 0 && /[\w$]/.test(code[i])) word = code[i--] + word;
  return /^(return|typeof|case|in|of|do|else|void|delete|throw|await|yield)$/.test(word);
}
