"""Landmark indices of MediaPipe's face mesh (468 points), each tuple from left to right in the picture.

Source: the canonical face model of MediaPipe FaceMesh (Kartynnik et al., "Real-time Facial Surface Geometry from
Monocular Video on Mobile GPUs", 2019).
"""

LEFT_CORNER, RIGHT_CORNER = 78, 308  # where the inner lips meet, left and right in the picture
OUTER_LEFT_CORNER, OUTER_RIGHT_CORNER = 61, 291

UPPER_INNER = (191, 80, 81, 82, 13, 312, 311, 310, 415)
LOWER_INNER = (95, 88, 178, 87, 14, 317, 402, 318, 324)  # below UPPER_INNER, point for point
UPPER_OUTER = (185, 40, 39, 37, 0, 267, 269, 270, 409)
LOWER_OUTER = (146, 91, 181, 84, 17, 314, 405, 321, 375)
UPPER_MIDDLE = (184, 74, 73, 72, 11, 302, 303, 304, 408)  # on the red of the lips
LOWER_MIDDLE = (77, 90, 180, 85, 16, 315, 404, 320, 307)
CORNERS = (LEFT_CORNER, RIGHT_CORNER, OUTER_LEFT_CORNER, OUTER_RIGHT_CORNER, 62, 292, 76, 306)

UNDER_LIP = (83, 18, 313, 194, 201, 200, 421, 418)
CHIN = (176, 148, 152, 377, 400, 171, 175, 396, 140, 369, 199, 208, 428)
JAW_LEFT = (132, 58, 172, 136, 150, 149)  # from the ear down to the chin
JAW_RIGHT = (361, 288, 397, 365, 379, 378)
CHEEK = (50, 205, 187, 207, 212, 216, 206, 203, 165, 92, 280, 425, 411, 427, 432, 436, 426, 423, 391, 322)
LOWER_CHEEK = (202, 204, 210, 214, 192, 135, 169, 422, 424, 430, 434, 416, 364, 394)
PHILTRUM = (167, 164, 393)
NOSE = (1, 2, 98, 97, 326, 327, 4, 5, 195, 129, 358, 64, 294)
UPPER_FACE = (168, 6, 33, 133, 159, 145, 263, 362, 386, 374, 127, 356, 10, 93, 323, 234, 454, 117, 346)

STABLE = (33, 133, 362, 263, 168, 6, 197, 195, 5, 10, 151, 9, 8, 127, 356, 234, 454)  # move with the skull alone

LEFT_EYE_UPPER = (33, 246, 161, 160, 159, 158, 157, 173, 133)
LEFT_EYE_LOWER = (33, 7, 163, 144, 145, 153, 154, 155, 133)
RIGHT_EYE_UPPER = (362, 398, 384, 385, 386, 387, 388, 466, 263)
RIGHT_EYE_LOWER = (362, 382, 381, 380, 374, 373, 390, 249, 263)
LEFT_BROW_LOWER = (46, 53, 52, 65, 55)
RIGHT_BROW_LOWER = (285, 295, 282, 283, 276)
