/** The event when another theme is chosen, and the name under which the choice is kept: `public/theme.js` knows it, too. */
export const themed = "flipnet-theme";
