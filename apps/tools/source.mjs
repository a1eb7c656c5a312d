// What the structure check needs to know of one TypeScript source, read from its syntax tree by oxc-parser.
import { parseSync, visitorKeys } from "oxc-parser";

/** `_socket`, and not `_` or `__proto__`: the mark of a field that its library keeps to itself. */
const PRIVATE = /^_[a-z]\w*$/;

/**
 * Reads one source.
 * - `imports`: every module specifier with its offset: static, type-only, dynamic, `import("x").Type`, `require`, re-exports.
 * - `names`, `stars`: what the module exports by name (`default` included), and the specifiers of its `export * from`.
 * - `anyTypes`, `privateFields`, `booleanParameters`: the offset of each `any` as a type, of each private field of another object, and of
 *   each boolean among the parameters of a function or method that has a name.
 * @throws SyntaxError for a source that does not parse: a check of half a tree would pass what it did not see.
 */
export function readSource(path, source) {
  const { program, module, errors } = parseSync(path, source);
  if (errors.length > 0) {
    const at = errors[0].labels[0]?.start ?? 0;
    throw new SyntaxError(`${path}:${lineAt(source, at)} does not parse: ${errors[0].message}`);
  }
  const facts = { imports: [], names: new Set(), stars: [], anyTypes: [], privateFields: [], booleanParameters: [] };
  walk(program, undefined, (node, parent) => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) facts.imports.push({ specifier, offset: node.start });
    if (node.type === "TSAnyKeyword") facts.anyTypes.push(node.start);
    if (isPrivateField(node, parent)) facts.privateFields.push(node.start);
    if (isNamedFunction(node, parent)) facts.booleanParameters.push(...node.params.filter(isBoolean).map(({ start }) => start));
  });
  for (const { entries } of module.staticExports) {
    for (const { exportName, importName, moduleRequest } of entries) {
      // oxlint-disable-next-line no-unsafe-enum-comparison -- an enum in the declarations alone: at run time it is this string
      if (importName.kind === "AllButDefault") facts.stars.push(moduleRequest.value);
      else facts.names.add(exportName.name ?? "default");
    }
  }
  return facts;
}

export function lineAt(source, offset) {
  return source.slice(0, offset).split("\n").length;
}

function walk(node, parent, visit) {
  visit(node, parent);
  for (const key of visitorKeys[node.type]) {
    for (const child of [node[key]].flat()) if (child) walk(child, node, visit);
  }
}

function specifierOf(node) {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
    case "ExportNamedDeclaration":
    case "ImportExpression":
    case "TSImportType":
      return textOf(node.source);
    case "TSExternalModuleReference":
      return textOf(node.expression);
    case "CallExpression":
      return node.callee.type === "Identifier" && node.callee.name === "require" ? textOf(node.arguments[0]) : undefined;
    default:
      return undefined;
  }
}

/**
 * `x._socket`, `x?._socket`, `X._Type`, `{ _socket } = x`, and the name as a text, wherever it stands: `x["_socket"]`, `X["_socket"]` as
 * a type, `"_socket" in x`, `Pick<X, "_socket">`.
 */
function isPrivateField(node, parent) {
  if (node.type === "Literal" || node.type === "TemplateLiteral") return PRIVATE.test(textOf(node) ?? "");
  if (node.type !== "Identifier" || !PRIVATE.test(node.name)) return false;
  if (parent.type === "MemberExpression") return parent.property === node && !parent.computed;
  if (parent.type === "TSQualifiedName") return parent.right === node;
  return parent.type === "Property" && parent.key === node && !parent.computed;
}

/** A callback gets what its caller gives, and a setter has one meaning. */
function isNamedFunction(node, parent) {
  if (node.type === "FunctionDeclaration" || node.type === "TSEmptyBodyFunctionExpression") return true;
  return node.type === "FunctionExpression" && parent.type === "MethodDefinition" && parent.kind !== "set";
}

/** `isOpen: boolean`, `isOpen?: boolean`, `isOpen = false`. */
function isBoolean(parameter) {
  const { typeAnnotation, right } = parameter;
  if (right?.type === "Literal" && typeof right.value === "boolean") return true;
  return (typeAnnotation ?? parameter.left?.typeAnnotation)?.typeAnnotation.type === "TSBooleanKeyword";
}

/** The text of a string, or of a template without holes. */
function textOf(node) {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "TemplateLiteral" && node.expressions.length === 0) return node.quasis[0].value.cooked;
  if (node?.type === "TSLiteralType") return textOf(node.literal);
  return undefined;
}
