/** Whether pages of `origin` may connect; the raw header, `undefined` when the client sent none. */
export type OriginCheck<Request> = (origin: string | undefined, request: Request) => boolean | Promise<boolean>;

/**
 * - `"same-origin"`: the page must come from the host (and port) that it connects to.
 * - a list: only these. An entry is an exact origin (`https://app.example.com`), a pattern (`https://*.example.com` for
 *   every name below that domain, `http://localhost:*` for every port), or the word `"same-origin"`.
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

interface HostPort {
  readonly name: string;
  readonly port: string;
}

interface ParsedOrigin extends HostPort {
  readonly scheme: "http" | "https";
}

const defaultPorts = { http: "80", https: "443" } as const;

/**
 * `host[:port]`, without any of the repairs that URL parsers make: what is not written as a browser writes it is refused.
 * A decimal IPv4, an escape, a user name, a trailing dot on one side only: all differ, so none matches.
 */
function parseHost(text: string, defaultPort: string): HostPort | undefined {
  const parts = /^((?:[a-z0-9_-]+\.)*[a-z0-9_-]+\.?|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/.exec(text.toLowerCase());
  if (parts?.[1] === undefined) return undefined;
  return { name: parts[1], port: parts[2] ?? defaultPort };
}

function parseOrigin(text: string): ParsedOrigin | undefined {
  const parts = /^(https?):\/\/(.+)$/.exec(text.toLowerCase());
  if (parts?.[1] === undefined || parts[2] === undefined) return undefined;
  const scheme = parts[1] as "http" | "https";
  const host = parseHost(parts[2], defaultPorts[scheme]);
  return host && { scheme, ...host };
}

function isSameOrigin(subject: OriginSubject): boolean {
  const origin = parseOrigin(subject.origin ?? "");
  if (origin === undefined) return false;
  if (subject.secure !== undefined && origin.scheme !== (subject.secure ? "https" : "http")) return false;
  // The Host header leaves out the default port of a scheme that only the page knows: fold by the page's scheme.
  const host = parseHost(subject.host, defaultPorts[origin.scheme]);
  return host !== undefined && host.name === origin.name && host.port === origin.port;
}

type OriginTest = (subject: OriginSubject) => boolean;

function compileEntry(entry: string): OriginTest {
  if (entry === "same-origin") return isSameOrigin;
  const parts = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([^*/?#@\s:]+|\[[^\]]+\])(:\*|:\d{1,5})?$/i.exec(entry);
  if (parts === null) {
    throw new TypeError(
      `origin: ${JSON.stringify(entry)} is not an origin; write "https://app.example.com", "https://*.example.com", ` +
        `"http://localhost:*" or "same-origin"`,
    );
  }
  const [, scheme = "", wildcard, name = "", port] = parts.map((part) => part?.toLowerCase());
  // Origins of apps (capacitor://localhost, chrome-extension://id) have no ports or default ports: compare the text.
  if (scheme !== "http" && scheme !== "https") return ({ origin }) => origin === entry;
  const wantedPort = port === undefined ? defaultPorts[scheme] : port.slice(1);
  return ({ origin }) => {
    const page = parseOrigin(origin ?? "");
    if (page === undefined || page.scheme !== scheme) return false;
    if (wantedPort !== "*" && page.port !== wantedPort) return false;
    return wildcard === undefined ? page.name === name : page.name.endsWith(`.${name}`);
  };
}

/**
 * Turns a rule into one closure. A request without an Origin header is no browser's and passes, unless `requireOrigin`
 * is set or the browser itself says `Sec-Fetch-Site: cross-site`.
 * @throws TypeError for an entry that is not an origin.
 */
export function compileOriginRule(rule: "same-origin" | readonly string[], requireOrigin: boolean): OriginTest {
  if (typeof rule === "string" && rule !== "same-origin") {
    throw new TypeError(`origin: write a list, [${JSON.stringify(rule)}], or "same-origin"`);
  }
  const tests = rule === "same-origin" ? [isSameOrigin] : rule.map(compileEntry);
  return (subject) => {
    if (subject.origin === undefined) return !requireOrigin && subject.fetchSite !== "cross-site";
    return tests.some((test) => test(subject));
  };
}
