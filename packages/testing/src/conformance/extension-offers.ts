/** The parameters of one offer or answer of permessage-deflate that keep to RFC 7692 §7.1. */
export interface DeflateOffer {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number | undefined;
  /** `true` when it stands without a value, which only an offer may do. */
  readonly clientMaxWindowBits: number | true | undefined;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** §7.1.2: a decimal integer from 8 to 15 without leading zeros. */
const BITS = /^(?:[89]|1[0-5])$/;
/** Commas and semicolons inside quotes do not separate. Of a quote without an end, all that follows is a part. */
const split = (text: string, separator: "," | ";"): string[] =>
  (text.match(new RegExp(`(?:[^"${separator}]|"(?:[^"\\\\]|\\\\.?)*"?)+`, "g")) ?? [""]).map((part) => part.trim());

/** `undefined` for another extension, and for what §7 tells a server to decline. */
function readDeflateOffer(member: string): DeflateOffer | undefined {
  const [name, ...rest] = split(member, ";");
  if (name !== "permessage-deflate") return undefined;
  const found = new Map<string, string | true>();
  for (const parameter of rest) {
    const [, key = "", equals, raw = ""] = /^([^=\s]*)\s*(=?)\s*(.*)$/.exec(parameter) ?? [];
    const value = equals === "=" ? raw.replace(/^"(.*)"$/, "$1") : true;
    if (!TOKEN.test(key) || found.has(key) || (value !== true && !TOKEN.test(value))) return undefined;
    found.set(key, value);
  }
  const known = { server_no_context_takeover: /^true$/, client_no_context_takeover: /^true$/, server_max_window_bits: BITS, client_max_window_bits: BITS };
  for (const [key, value] of found) {
    const flag = key.endsWith("takeover");
    const form = Object.hasOwn(known, key) ? known[key as keyof typeof known] : undefined;
    if (form === undefined || (flag && value !== true)) return undefined;
    if (!flag && !(value === true ? key === "client_max_window_bits" : form.test(value))) return undefined;
  }
  const bits = (key: string): number | true | undefined => {
    const value = found.get(key);
    return value === undefined || value === true ? value : Number(value);
  };
  return {
    serverNoContextTakeover: found.has("server_no_context_takeover"),
    clientNoContextTakeover: found.has("client_no_context_takeover"),
    serverMaxWindowBits: bits("server_max_window_bits") as number | undefined,
    clientMaxWindowBits: bits("client_max_window_bits"),
  };
}

function fits(answer: DeflateOffer, offer: DeflateOffer): boolean {
  if (offer.serverNoContextTakeover && !answer.serverNoContextTakeover) return false;
  const serverBits = offer.serverMaxWindowBits;
  if (serverBits !== undefined && (answer.serverMaxWindowBits ?? 16) > serverBits) return false;
  if (answer.clientMaxWindowBits === undefined) return true;
  // §7.1.2.2: only when the client said that it knows the parameter, and never without a value.
  if (offer.clientMaxWindowBits === undefined || answer.clientMaxWindowBits === true) return false;
  return offer.clientMaxWindowBits === true || answer.clientMaxWindowBits <= offer.clientMaxWindowBits;
}

/** What the server agreed to, `undefined` for nothing, or what is wrong with its answer. */
export function readDeflateAnswer(answer: string | undefined, offers: readonly string[]): DeflateOffer | undefined | string {
  if (answer === undefined || answer === "") return undefined;
  const agreed = readDeflateOffer(answer);
  if (agreed === undefined) return `"${answer}" is no answer of permessage-deflate`;
  const good = offers.flatMap((line) => split(line, ",")).flatMap((member) => readDeflateOffer(member) ?? []);
  return good.some((offer) => fits(agreed, offer)) ? agreed : `"${answer}" fits none of the valid offers`;
}
