/** What the bundler makes of a style sheet is nothing to the program. */
declare module "*.css";
