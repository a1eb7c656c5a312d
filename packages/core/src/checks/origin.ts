import { browserName, browserPort, isAddress, readHostPort } from "./host-port.ts";

/** Whether pages of `origin` may connect; the raw header, `undefined` when the client sent none. */
export type OriginCheck<Request> = (origin: string | undefined, request: Request) => boolean | Promise<boolean>;

/**
 * - `"same-origin"`: the page must come from the host (and port) that it connects to.
 * - a list: only these. An entry is an exact origin (`https://app.example.com`), a pattern (`https://*.example.com` for
 *   every name below that domain, `http://localhost:*` for every port, `chrome-extension://*` for all of a scheme), `file://`,
 *   `"null"`, which ANY page can get by a sandboxed frame, or the word `"same-origin"`.
 * - a function: decides alone, also about a missing, `null` or malformed origin.
 */
export type OriginRule<Request> = "same-origin" | readonly string[] | OriginCheck<Request>;

/** What the built-in rules look at. */
export interface OriginSubject {
  readonly origin: string | undefined;
  /** The Host header, or what a trusted proxy says that it was. */
  readonly host: string;
  /** True on a TLS socket or when a trusted proxy says so; `undefined` when the scheme is not known, because a proxy may have ended TLS before us. */
  readonly secure: boolean | undefined;
  /** The `Sec-Fetch-Site` header. */
  readonly fetchSite: string | undefined;
}

interface ParsedOrigin {
  readonly scheme: "http" | "https";
  /** Host and port as they stand there, in lower case. */
  readonly text: string;
  readonly name: string;
  readonly port: string;
}

const defaultPorts = { http: "80", https: "443" } as const;

function parseOrigin(origin: string): ParsedOrigin | undefined {
  const parts = /^(https?):\/\/(.+)$/.exec(origin.toLowerCase());
  if (parts?.[1] === undefined || parts[2] === undefined) return undefined;
  const [, scheme, text] = parts as unknown as [string, "http" | "https", string];
  const host = readHostPort(text);
  return host && { scheme, text, name: host.name, port: host.port ?? defaultPorts[scheme] };
}

function isSameOrigin({ origin, host, secure }: OriginSubject): boolean {
  const page = parseOrigin(origin ?? "");
  if (page === undefined) return false;
  if (secure !== undefined && page.scheme !== (secure ? "https" : "http")) return false;
  if (page.text === host) return true;
  const asked = readHostPort(host);
  // The Host header leaves out the default port of a scheme that only the page knows: fold by the page's scheme.
  return asked !== undefined && asked.name === page.name && (asked.port ?? defaultPorts[page.scheme]) === page.port;
}

type OriginTest = (subject: OriginSubject) => boolean;

const RIGHT = `write "https://app.example.com", "https://*.example.com", "http://localhost:*", "chrome-extension://*", "null" or "same-origin"`;

/** Each entry must be able to match what some browser sends: one that never does hides a mistake. */
function wrong(entry: unknown, why: string): TypeError {
  const meant = typeof entry === "string" ? meantOrigin(entry) : undefined;
  const right = meant === undefined ? RIGHT : `write ${JSON.stringify(meant)}`;
  return new TypeError(`origin: ${JSON.stringify(entry) ?? String(entry)} ${why}; ${right}`);
}

/** The origin of the page that a wrong entry may have meant. */
function meantOrigin(entry: string): string | undefined {
  const text = entry.trim().replace(/^ws(s?):/i, "http$1:");
  const url = text.includes("://") ? text : `${/^(?:localhost|127\.|\[)/i.test(text) ? "http" : "https"}://${text}`;
  if (text.includes("*") || !URL.canParse(url)) return undefined;
  const { origin } = new URL(url);
  return parseOrigin(origin) && origin;
}

function compileEntry(entry: unknown): OriginTest {
  if (entry === "same-origin") return isSameOrigin;
  // Every page of a file, a sandboxed frame or a `data:` URL has the origin `null`.
  if (entry === "null") return ({ origin }) => origin === "null";
  const [, scheme = "", rest = ""] = (typeof entry === "string" && /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(entry)) || [];
  const lower = scheme.toLowerCase();
  if (lower === "") throw wrong(entry, "is not an origin");
  if (lower === "ws" || lower === "wss") throw wrong(entry, "is the address of a WebSocket, and never the origin of a page");
  return lower === "http" || lower === "https" ? compilePage(entry as string, lower, rest) : compileApp(entry as string, lower, rest);
}

/** Origins of apps and extensions (capacitor://localhost, chrome-extension://id) have no default ports: the text is compared. */
function compileApp(entry: string, scheme: string, rest: string): OriginTest {
  if (rest === "*") return ({ origin }) => origin?.toLowerCase().startsWith(`${scheme}://`) === true;
  // `file://` has no host.
  const parts = /^(?:[^*/?#@\s:]+|\[[^\]]+\])?(?::(\d+))?$/.exec(rest);
  if (parts === null) throw wrong(entry, "is not an origin");
  if (parts[1] !== undefined && browserPort(parts[1]) === undefined) throw wrong(entry, "has no port from 1 to 65535");
  const text = `${scheme}://${rest.toLowerCase()}`;
  return ({ origin }) => origin?.toLowerCase() === text;
}

function compilePage(entry: string, scheme: "http" | "https", rest: string): OriginTest {
  const parts = /^(\*\.)?([^*/?#@\s:]+|\[[^\]]+\])(?::(\*|\d+))?$/.exec(rest);
  if (parts === null) throw wrong(entry, "is not an origin");
  const [, wildcard, text = "", givenPort = defaultPorts[scheme]] = parts;
  const name = browserName(text);
  if (name === undefined) throw wrong(entry, "has no host that a page can come from");
  if (wildcard !== undefined && isAddress(name)) throw wrong(entry, "is an address, and no name is below it");
  const port = givenPort === "*" ? "*" : browserPort(givenPort);
  if (port === undefined) throw wrong(entry, "has no port from 1 to 65535");
  return ({ origin }) => {
    const page = parseOrigin(origin ?? "");
    if (page === undefined || page.scheme !== scheme) return false;
    if (port !== "*" && page.port !== port) return false;
    return wildcard === undefined ? page.name === name : page.name.endsWith(`.${name}`);
  };
}

/** What to add to `origin` for pages of this origin, for a log line; `undefined` when no entry could name it. */
export function entryFor(origin: string | undefined): string | undefined {
  try {
    // A pattern or a word would let in more than that.
    if (origin === undefined || origin.includes("*") || origin === "same-origin" || origin === "null" || origin.length > 200) return undefined;
    return compileEntry(origin)({ origin, host: "", secure: undefined, fetchSite: undefined }) ? origin : undefined;
  } catch {
    return undefined;
  }
}

interface OriginNeeds {
  /** Refuses clients that send no Origin. @default false */
  readonly requireOrigin?: boolean;
}

/**
 * Turns a rule into one closure. A request without an Origin header is no browser's and passes, unless `requireOrigin`
 * is set or the browser itself says `Sec-Fetch-Site: cross-site`.
 * @throws TypeError for an entry that is not an origin.
 */
export function compileOriginRule(rule: "same-origin" | readonly string[], { requireOrigin = false }: OriginNeeds = {}): OriginTest {
  if (typeof rule === "string" && rule !== "same-origin") {
    throw new TypeError(`origin: write a list, [${JSON.stringify(rule)}], or "same-origin"`);
  }
  if (rule !== "same-origin" && !Array.isArray(rule)) throw new TypeError(`origin: ${JSON.stringify(rule)} is no list; ${RIGHT} in a list`);
  const tests = rule === "same-origin" ? [isSameOrigin] : rule.map(compileEntry);
  return (subject) => {
    if (subject.origin === undefined) return !requireOrigin && subject.fetchSite !== "cross-site";
    return tests.some((test) => test(subject));
  };
}

/** What a request tells the built-in rules. */
interface Asking {
  readonly host: string;
  readonly scheme: "http" | "https" | undefined;
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
}

/** The same for requests. @throws TypeError for an entry that is not an origin. */
export function compileOriginCheck(rule: "same-origin" | readonly string[], needs?: OriginNeeds): OriginCheck<Asking> {
  const allows = compileOriginRule(rule, needs);
  return (origin, { host, scheme, headers }) => {
    const { "sec-fetch-site": fetchSite } = headers;
    const secure = scheme === undefined ? undefined : scheme === "https";
    return allows({ origin, host, secure, fetchSite: typeof fetchSite === "string" ? fetchSite : undefined });
  };
}
