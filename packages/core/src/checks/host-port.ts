/** A host name or address as a browser writes it, and its port. */
export interface HostPort {
  /** In lower case; IPv6 in brackets. */
  readonly name: string;
  /** `undefined` when it is left out. */
  readonly port: string | undefined;
}

const HOST_PORT = /^((?:[a-z0-9_-]+\.)*[a-z0-9_-]+\.?|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/;

/**
 * `host[:port]`, without any of the repairs that URL parsers make: what is not written as a browser writes it is refused.
 * A decimal IPv4, an escape, a user name, a trailing dot on one side only: all differ, so none matches.
 */
export function readHostPort(text: string): HostPort | undefined {
  const parts = HOST_PORT.exec(text.toLowerCase());
  if (parts?.[1] === undefined) return undefined;
  return { name: parts[1], port: parts[2] };
}

/**
 * The one spelling that browsers send for a name out of an option: IDN as punycode, IPv4 and IPv6 in their short forms.
 * `undefined` for what no browser can send.
 */
export function browserName(name: string): string | undefined {
  // A URL parser would repair escapes and cut at what ends a host, and the result would not be what was meant.
  if (/[%/?#@\\\s:]/.test(name.startsWith("[") ? "" : name)) return undefined;
  return URL.canParse(`http://${name}`) ? readHostPort(new URL(`http://${name}`).hostname)?.name : undefined;
}

/** Whether a browser name is an IP address, which has no names below it. */
export function isAddress(name: string): boolean {
  return name.startsWith("[") || /^[\d.]+$/.test(name);
}

/** A port out of an option as browsers send it; `undefined` for what is no port. */
export function browserPort(port: string): string | undefined {
  const number = Number(port);
  return /^\d+$/.test(port) && number > 0 && number < 65_536 ? String(number) : undefined;
}
