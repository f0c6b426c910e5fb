// Package chart draws the pictures of a quantization study: bars per layer,
// histograms with the quantization grid, accuracy against bits, heat maps,
// frontiers, rooflines and networks.
//
// Every function takes a plain struct of labels and numbers and returns a
// [Figure], which draws itself as PNG, SVG or PDF when asked, and which carries
// the same numbers as text and as alt text.
//
// All lengths in this package are CSS pixels of 1/96 inch, with the origin at
// the top left. A figure is an opaque white card with a thin border, so it
// reads the same on a light and on a dark page. Colours are Okabe and Ito's
// palette, and cividis for heat maps; both keep their order for the common
// kinds of colour blindness, and no series is told apart by colour alone.
//
// Figures are drawn on gonum/plot's vg canvases. Its Plot type is not used:
// importing it links five back ends and twelve fonts into each notebook cell,
// which doubles the time that a cell takes to build.
//
// Names of layers are data: control characters and broken UTF-8 are replaced
// before they reach a picture or a text, markup is escaped, and names that are
// too long for their place lose their middle.
package chart
