// Mutants: small changes of a TypeScript module that make it wrong, one at a time.
import ts from "typescript";

/** What an operator becomes. */
const otherOperator = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "+=": "-=",
  "-=": "+=",
  "*=": "/=",
  "/=": "*=",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "===": "!==",
  "!==": "===",
  "&&": "||",
  "||": "&&",
};

/** What a method becomes. */
const otherMethod = {
  max: "min",
  min: "max",
  some: "every",
  every: "some",
  maximum: "minimum",
  floor: "ceil",
  ceil: "floor",
  round: "floor",
  log: "log1p",
  hypot: "max",
};

/** Operations of two operands of one shape that are not the same the other way round. */
const ordered = ["subtract", "rowDot"];

/**
 * All mutants of a module, in its order: `start` and `end` of what is replaced, `by` what, the `line` it stands on (from
 * 1) and what that line says, `said`. Types, what is thrown, texts and what only says are left alone.
 */
export function mutantsOf(path, source) {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const mutants = [];
  const text = (node) => source.slice(node.getStart(file), node.end);
  const replace = (node, by, kind = "expression") => {
    const start = node.getStart(file);
    const line = file.getLineAndCharacterOfPosition(start).line + 1;
    const said = source.split("\n")[line - 1].trim();
    mutants.push({ path, start, end: node.end, by, kind, line, said, was: text(node) });
  };

  function ofNode(node) {
    if (ts.isBinaryExpression(node)) {
      const operator = node.operatorToken.getText(file);
      const other = otherOperator[operator];
      const ofTexts = [node.left, node.right].some(
        (side) => ts.isStringLiteral(side) || ts.isTemplateLiteral(side),
      );
      if (other !== undefined && !(operator === "+" && ofTexts)) {
        const assigns = operator.length === 2 && operator.endsWith("=") && !/[<>]/.test(operator);
        replace(
          node,
          assigns
            ? `${text(node.left)} ${other} (${text(node.right)})`
            : `(${text(node.left)}) ${other} (${text(node.right)})`,
        );
      }
      if (operator === "??") replace(node, text(node.right));
    }
    if (ts.isPrefixUnaryExpression(node)) {
      if (node.operator === ts.SyntaxKind.ExclamationToken || node.operator === ts.SyntaxKind.MinusToken) {
        replace(node, text(node.operand));
      }
    }
    if (ts.isNumericLiteral(node)) replace(node, node.text === "1" ? "2" : `${Number(node.text) + 1}`);
    if (node.kind === ts.SyntaxKind.TrueKeyword) replace(node, "false");
    if (node.kind === ts.SyntaxKind.FalseKeyword) replace(node, "true");
    if (ts.isConditionalExpression(node)) {
      replace(node, text(node.whenTrue));
      replace(node, text(node.whenFalse));
    }
    if (ts.isIfStatement(node)) {
      replace(node.expression, "true");
      replace(node.expression, "false");
    }
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { name, expression } = node.expression;
      const args = node.arguments.map(text);
      const call = (method, list) => `${text(expression)}.${method}(${list.join(", ")})`;
      if (Object.hasOwn(otherMethod, name.text)) replace(node, call(otherMethod[name.text], args));
      if (ordered.includes(name.text)) replace(node, call(name.text, [args[1], args[0], ...args.slice(2)]));
    }
    const isStep = ts.isExpressionStatement(node) && !ts.isStringLiteral(node.expression);
    if (isStep && !isSuper(node.expression)) replace(node, "", "statement");
  }

  function visit(node) {
    const isType = ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
    const isText = ts.isTemplateExpression(node) || ts.isThrowStatement(node) || ts.isImportDeclaration(node);
    const isName =
      ts.isPropertyName(node) && ts.isPropertyAssignment(node.parent) && node.parent.name === node;
    if (isType || isText || isName) return;
    ofNode(node);
    ts.forEachChild(node, visit);
  }
  visit(file);
  return mutants;
}

const isSuper = (node) => ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.SuperKeyword;

/**
 * The module with all these mutants in it; `mutant(number)` says at run time whether it is on. They may lie
 * within each other.
 */
export function withMutants(source, mutants) {
  const outermost = [...mutants].sort((a, b) => a.start - b.start || b.end - a.end);
  function write(from, to, list) {
    let result = "";
    let at = from;
    while (list.length > 0) {
      const [{ start, end, by, kind, number }, ...rest] = list;
      const within = rest.filter((other) => other.start < end);
      const was = write(start, end, within);
      result += source.slice(at, start);
      result +=
        kind === "statement"
          ? `{ if (!mutant(${number})) { ${was} } }`
          : `(mutant(${number}) ? (${by}) : ${was})`;
      at = end;
      list = rest.slice(within.length);
    }
    return result + source.slice(at, to);
  }
  return write(0, source.length, outermost);
}
