/**
 * Close codes: RFC 6455 §7.4.1, the IANA WebSocket Close Code Number Registry, and upwire's own, which repeat the HTTP status
 * that fits behind a 4. Whether a client should reconnect is in `retryRules`.
 */
export const CloseCode = {
  /** The purpose is fulfilled. */
  normal: 1000,
  /** The server goes down, or the page was left. */
  goingAway: 1001,
  /** The peer broke RFC 6455. */
  protocolError: 1002,
  /** A type of data that the endpoint cannot take. */
  unsupportedData: 1003,
  /** Never on the wire: the close frame carried no code. */
  noStatus: 1005,
  /** Never on the wire: the TCP connection ended without a close frame. */
  abnormal: 1006,
  /** Text that is not UTF-8, or corrupt compressed data. */
  invalidPayload: 1007,
  /** A rule of this server was broken. */
  policyViolation: 1008,
  /** A message over the receiver's limit. */
  tooBig: 1009,
  /** The client needs an extension that the server did not choose. */
  mandatoryExtension: 1010,
  /** The server's own handler failed. */
  internalError: 1011,
  /** A planned restart. */
  serviceRestart: 1012,
  /** This client cannot keep up, or the server is overloaded. */
  tryAgainLater: 1013,
  /** A gateway got a bad answer from upstream. */
  badGateway: 1014,
  /** Never on the wire: the TLS handshake failed. */
  tlsHandshake: 1015,
  /** Messages that the layer above WebSocket cannot read. */
  badFrames: 4400,
  /** No credentials, wrong ones, or expired ones: sign in first. */
  unauthorized: 4401,
  /** This user may not do that. */
  forbidden: 4403,
  /** The client did not say in time who it is. */
  authTimeout: 4408,
  /** More messages or bytes than the server lets one client send. */
  rateLimit: 4429,
} as const;

/** May `code` stand in a close frame? RFC 6455 §7.4 and the IANA registry; 1004, 1005, 1006 and 1015 may not. */
export function isSendableCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}
