import { RedisReplyError, RedisStartError } from "./driver.ts";

/** Why Redis could not be started with, in one line for people. */
export interface StartFailure {
  readonly message: string;
  /** Waiting does not help. */
  readonly isFinal: boolean;
}

/** Redis waits for more when a client begins with TLS where it expects none. */
export const DOES_NOT_ANSWER = "it does not answer; if the client speaks TLS and the server does not, give redis:// instead of rediss://, or no `tls`";

interface Rule {
  readonly holds: (text: string, code: string) => boolean;
  readonly says: string;
  readonly isFinal: boolean;
}

const rules: readonly Rule[] = [
  { holds: (text) => /WRONGPASS|invalid username-password|invalid password/.test(text), says: "the user name or the password is wrong", isFinal: true },
  {
    holds: (text) => /NOAUTH|Authentication required|without the user being authenticated/.test(text),
    says: "this server wants a password; give the client a password, and a user name if it has one",
    isFinal: true,
  },
  {
    holds: (text) => text.startsWith("NOPERM"),
    says: "this user may not do what is needed first; give it the rules +@connection +@scripting +@pubsub",
    isFinal: true,
  },
  { holds: (text) => /DB index/.test(text), says: "this server has no database of that number", isFinal: true },
  { holds: (text) => /max number of clients/.test(text), says: "this server takes no more clients; raise its maxclients", isFinal: false },
  { holds: (_, code) => code === "ENOTFOUND" || code === "EAI_AGAIN", says: "there is no such host; look at the address", isFinal: true },
  { holds: (_, code) => code === "ECONNREFUSED", says: "nothing listens there; is Redis running, and is the port right?", isFinal: false },
  { holds: (_, code) => code === "ENOENT" || code === "EACCES", says: "the socket's file is not there, or may not be opened", isFinal: false },
  {
    holds: (text, code) => code.startsWith("ERR_SSL") || code === "EPROTO" || /SSL routines|wrong version number/.test(text),
    says: "the client speaks TLS and the server does not; give redis:// instead of rediss://, or no `tls`",
    isFinal: true,
  },
  {
    holds: (text, code) => /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/.test(code) || /certificate/.test(text),
    says: "the server's certificate is not trusted; give the client its `ca`",
    isFinal: true,
  },
  // Before the next one: what node-redis says of a close is "Socket closed unexpectedly".
  {
    holds: (text, code) => code === "ECONNRESET" || code === "EPIPE" || /closed/i.test(text),
    says: "it closes the connection before the first answer; if it wants TLS, give rediss:// or `tls`",
    isFinal: false,
  },
  { holds: (text) => /RESP type|Protocol error|Unexpected|parse/i.test(text), says: "what answers there is not Redis", isFinal: true },
  // What the libraries say of an answer to nothing, and of one that is not of the kind that a command has.
  {
    holds: (text) => /Command queue state error|Cannot read properties of|argument must be an instance of/.test(text),
    says: "it answers what was not asked, or twice",
    isFinal: false,
  },
  { holds: (text) => text.startsWith("LOADING"), says: "Redis still loads its data", isFinal: false },
  { holds: (text) => /did not answer within|ETIMEDOUT|imeout/.test(text), says: DOES_NOT_ANSWER, isFinal: false },
];

export function startFailure(error: Error): StartFailure {
  if (error instanceof RedisStartError) return { message: error.message, isFinal: true };
  const { message } = error;
  const code = (error as { code?: string }).code ?? "";
  const rule = error instanceof RedisReplyError ? rules.find(({ holds }) => holds(message, "")) : rules.find(({ holds }) => holds(message, code));
  if (rule !== undefined) return { message: `${rule.says} (${message})`, isFinal: rule.isFinal };
  return { message, isFinal: error instanceof RedisReplyError || error instanceof TypeError };
}
