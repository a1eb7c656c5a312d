/** RFC 9110 §5.6.2: the characters of a token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** The members of a comma-separated header (RFC 9110 §5.6.1), trimmed; empty members are dropped. */
export function listMembers(header: string | undefined): string[] {
  if (header === undefined) return [];
  return header
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "");
}

/** Does the list hold `token`, in any letter case? */
export function listHolds(header: string | undefined, token: string): boolean {
  // Nearly all clients write the token alone. A header of the same length can hold nothing else.
  if (header?.length === token.length) return header.toLowerCase() === token;
  return listMembers(header).some((member) => member.toLowerCase() === token);
}
