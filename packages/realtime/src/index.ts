/** Names for applications. */

export { CloseCode } from "@upwire/protocol";
