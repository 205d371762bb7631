package sigv4

// Vector is a request whose signature AWS has published.
type Vector struct {
	Name, Method, URL, Body string
	Header                  map[string]string
	Date                    string
	Key                     Key
	Signature               string
}

// Vectors are those of AWS's documentation. They are from the IAM and General Reference
// (ListUsers), from the Signature Version 4 test suite (get-vanilla and so on, made for the service
// "service"), and from the Amazon S3 API Reference, "Examples: Signature Calculations", with
// X-Amz-Content-Sha256.
func Vectors() []Vector {
	suite := Key{ID: "AKIDEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", Region: "us-east-1", Service: "service"}
	iam := suite
	iam.Service = "iam"
	s3 := Key{ID: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Region: "us-east-1", Service: "s3"}
	const (
		host   = "https://example.amazonaws.com"
		bucket = "https://examplebucket.s3.amazonaws.com"
		form   = "application/x-www-form-urlencoded"
		day    = "20150830T123600Z"
		s3Day  = "20130524T000000Z"
		empty  = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	)
	payload := map[string]string{"X-Amz-Content-Sha256": empty}
	return []Vector{
		{"IAM ListUsers", "GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", "", map[string]string{"Content-Type": form + "; charset=utf-8"}, day, iam,
			"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
		{"get-vanilla", "GET", host + "/", "", nil, day, suite, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-vanilla-query-order-key-case", "GET", host + "/?Param2=value2&Param1=value1", "", nil, day, suite, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"post-vanilla", "POST", host + "/", "", nil, day, suite, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"post-x-www-form-urlencoded", "POST", host + "/", "Param1=value1", map[string]string{"Content-Type": form}, day, suite,
			"ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
		{"S3 GET Object", "GET", bucket + "/test.txt", "", map[string]string{"Range": "bytes=0-9", "X-Amz-Content-Sha256": empty}, s3Day, s3,
			"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		{"S3 GET Bucket Lifecycle", "GET", bucket + "/?lifecycle", "", payload, s3Day, s3, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
		{"S3 List Objects", "GET", bucket + "/?max-keys=2&prefix=J", "", payload, s3Day, s3, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	}
}
