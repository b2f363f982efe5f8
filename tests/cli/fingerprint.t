# The same parameters give the same key, whatever their order; others do not.

$ holdfast fingerprint template=invoice page:int=3 >first; wc -c <first
65
? 0
$ holdfast fingerprint page:int=3 template:string=invoice | cmp - first
? 0
$ holdfast fingerprint page=3 template=invoice | cmp -s - first
? 1
$ holdfast fingerprint tags:set=a,b >set; holdfast fingerprint tags:set=b,a,b | cmp - set
? 0
$ holdfast fingerprint tags:list=b,a | cmp -s - set
? 1
$ printf 'hello' >file; holdfast fingerprint f:file=file >one; mv file other; holdfast fingerprint f:file=other | cmp - one
? 0
$ holdfast fingerprint n:null= t:bool=true d:double=-0.0 --encoding
686f6c646661737401000000000000000300000000000000016464000000000000000000000000000000016e7a00000000000000017474
? 0
$ holdfast fingerprint page:int=3 --json
{"key":"622909dbf5f4ee38601e2017659b9254b021dbc78edd39c4dcb769ed32777209","version":1}
? 0

# What is wrong is said.

$ holdfast fingerprint page
holdfast: fingerprint: "page" is not NAME=VALUE or NAME:TYPE=VALUE
? 2
$ holdfast fingerprint page:itn=3
holdfast: fingerprint: unknown type "itn"; did you mean "int"?
? 2
$ holdfast fingerprint page:int=3.5
holdfast: fingerprint: page: "3.5" is not understood; allowed: a whole number from -9223372036854775808 to 18446744073709551615
? 2
$ holdfast fingerprint page:int=18446744073709551616
holdfast: fingerprint: page: "18446744073709551616" is not understood; allowed: a whole number from -9223372036854775808 to 18446744073709551615
? 2
$ holdfast fingerprint d:double=1x
holdfast: fingerprint: d: "1x" is not understood; allowed: a number such as 1.5, 2e-3, inf or nan
? 2
$ holdfast fingerprint b:hex=abc
holdfast: fingerprint: b: "abc" is not understood; allowed: pairs of hexadecimal digits
? 2
$ holdfast fingerprint a=1 a=2
holdfast: fingerprint: the name "a" was given twice
? 2
$ holdfast fingerprint f:file=nowhere
holdfast: fingerprint: nowhere: No such file or directory
? 2
$ mkfifo pipe; holdfast fingerprint f:file=pipe
holdfast: fingerprint: pipe: is a FIFO, not a file
? 2
$ holdfast fingerprint f:file=.
holdfast: fingerprint: .: is a directory, not a file
? 2
$ holdfast fingerprint
holdfast: fingerprint: too few arguments; usage: holdfast fingerprint NAME[:TYPE]=VALUE...
? 2
