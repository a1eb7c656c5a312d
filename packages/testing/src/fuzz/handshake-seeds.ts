import type { HandshakeInit } from "../handshake-request.ts";

/** The page that no server of ours may let in; a 101 for it is a finding. */
export const FOREIGN_ORIGIN = "https://evil.example";

const header = (name: string, ...values: readonly string[]): HandshakeInit => ({ headers: { [name]: values } });
const offer = (...values: readonly string[]): HandshakeInit => header("Sec-WebSocket-Extensions", ...values);

/** Requests to begin from, good and bad. The target's path and Host are added. */
export const handshakeSeeds: readonly HandshakeInit[] = [
  {},
  {},
  { method: "POST" },
  { httpVersion: "1.0" },
  { version: "8" },
  { version: ["13", "13"] },
  { key: "short" },
  { key: ["AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAA=="] },
  { path: "//" },
  { path: "/%" },
  { path: "*" },
  { path: "http://[::1/" },
  { path: `/${"a/".repeat(500)}` },
  header("Host", "a", "b"),
  header("Host", ""),
  header("Origin", FOREIGN_ORIGIN),
  header("Origin", "null"),
  header("Origin", "http://127.0.0.1", FOREIGN_ORIGIN),
  header("Sec-Fetch-Site", "cross-site"),
  header("Connection", "keep-alive, Upgrade"),
  header("Connection", "close"),
  header("Upgrade", "h2c, websocket"),
  header("Upgrade", "h2c"),
  header("Sec-WebSocket-Protocol", "chat, superchat"),
  header("Sec-WebSocket-Protocol", "chat", "chat"),
  header("Sec-WebSocket-Protocol", "a b", ",,"),
  offer("permessage-deflate"),
  offer("permessage-deflate; client_max_window_bits; server_max_window_bits=10"),
  offer('permessage-deflate; server_max_window_bits="9"', "permessage-deflate"),
  offer("permessage-deflate; server_max_window_bits=8, x-webkit-deflate-frame"),
  offer("permessage-bzip2, permessage-deflate; unknown=1"),
  header("Content-Length", "5"),
  header("Content-Length", "0", "7"),
  header("Transfer-Encoding", "chunked"),
  header("Expect", "100-continue"),
  header("Cookie", "a=1; b=2; sid=x", "c=3"),
  header("X-Forwarded-For", "1.2.3.4, 5.6.7.8"),
  header("Forwarded", 'for="[2001:db8::1]:80";proto=https;host=a, for=_x'),
  header("Authorization", "Basic Og=="),
  header("Content-Type", "application/json; charset=\u00ff"),
];
