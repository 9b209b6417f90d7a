/** What is indexed of a page's section: the build writes the index with these, the page reads it with them. */
export const indexOptions = {
  fields: ["title", "section", "text"],
  storeFields: ["title", "section", "url"],
  searchOptions: {
    prefix: true,
    fuzzy: 0.15,
    boost: { title: 4, section: 2 },
    combineWith: /** @type {const} */ ("AND"),
  },
};
