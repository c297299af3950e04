"""A definition to begin with, proposed from a page: what repeats on it, with an address of its own and counts.

- `page`: the page as a tree of plain data, which facts.js collects in one evaluate
- `selectors`: how to name an element
- `addresses`, `links`: which links are of posts, and what in them is the id
- `group`: what repeats; `whole`: a page that is one post; `records`: JSON that it carries
- `fields`, `counts`, `words`: what stands where in a post
- `proposal`: the best of it; `draft`: that, as data; `text`: the same as a file for a person to go on with
"""
