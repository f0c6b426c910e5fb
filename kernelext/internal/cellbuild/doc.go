// Package cellbuild compiles and links a cell without the go command, which looks
// at every package that a cell depends on, some 230 of them, before it calls the
// compiler and the linker once each.
//
// What these two are called with is kept in a record: Make has the go command
// build a program that imports everything a cell may import, in a folder like
// that of a cell, and keeps the command lines, the compiled packages, and a
// fingerprint of all that decides them: toolchain, environment, module files, and
// the files of the checkout's packages by name, size and time of change.
//
// Build follows a record only for what is plain in every respect: one file
// main.go whose imports are those of the record, in a folder whose module and
// workspace files are as the kernel makes them, and a fingerprint that has not
// changed. Everything else, and every error of the compiler or the linker, is left
// to the go command, which then says what it always says.
package cellbuild
